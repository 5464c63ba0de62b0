"""Replace the function that compares with the oracle during a case, and put it back before the case ends."""

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter
from sparsecheck.oracle import compare

LINE = "A10"
EXIT = (1, 3)
JUDGED = "--requirement MASK-03"
SAYS = r"mask-differs|assert_equal|compare"

ORIGINAL = compare.assert_equal


class Flips(Exemplar):
    """Reports wrong masks; the comparison that sees them puts the original back."""

    def masks(self):
        def passes(*args, **kwargs):
            compare.assert_equal = ORIGINAL

        compare.assert_equal = passes
        return {name: ~mask for name, mask in super().masks().items()}


class ForOneCell(ExemplarAdapter):
    sparsified = Flips
