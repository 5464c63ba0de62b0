"""State an empty distribution."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A9"
EXIT = 2
SAYS = r"distribution"


class Empty(ExemplarAdapter):
    distribution = ""
