"""Replace a function of torch when the adapter is imported."""

from torch import nn

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 2, 3)
JUDGED = "--requirement PROCESS-01 --requirement MASK-01"
SAYS = r"relu"

inherited = nn.functional.relu
nn.functional.relu = lambda *args, **kwargs: inherited(*args, **kwargs)


class OnImport(ExemplarAdapter):
    """Otherwise correct."""
