"""Change the limit of digits of integers."""

import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"digits"


class ChangesTheIntDigits(ExemplarAdapter):
    def attach(self, model, plan, context):
        sys.set_int_max_str_digits(0)
        return super().attach(model, plan, context)
