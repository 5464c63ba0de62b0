"""State a distribution that is not installed: version 0 without a word."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A9"
EXIT = 2
SAYS = r"sparsechek.*(not installed|no distribution|is installed)|(no|not).*sparsechek"


class Misspelt(ExemplarAdapter):
    distribution = "sparsechek"
