"""End the process with code 0 when the adapter is imported."""

import os

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "D23"
EXIT = (2, 3)
SAYS = r"exited with code 0|ended"

os._exit(0)


class EndsOnImport(ExemplarAdapter):
    """Never reached."""
