"""Change the interval at which threads switch."""

import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"switch"


class ShortensTheSwitchInterval(ExemplarAdapter):
    def attach(self, model, plan, context):
        sys.setswitchinterval(0.5)
        return super().attach(model, plan, context)
