"""Change the umask."""

import os

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"umask"


class ChangesTheUmask(ExemplarAdapter):
    def attach(self, model, plan, context):
        os.umask(0o077)
        return super().attach(model, plan, context)
