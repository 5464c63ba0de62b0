"""Lower the precision of decimal numbers."""

import decimal

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"decimal"


class ChangesTheDecimalContext(ExemplarAdapter):
    def attach(self, model, plan, context):
        decimal.getcontext().prec = 2
        return super().attach(model, plan, context)
