"""State that no distribution is judged: the first line of the run must say so."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A9"
EXIT = 0
SAYS = r"Not an installed release: .*no distribution, adapter file"


class Empty(ExemplarAdapter):
    distribution = ""
