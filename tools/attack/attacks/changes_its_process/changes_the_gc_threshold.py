"""Change the thresholds of the garbage collector."""

import gc

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"garbage|gc"


class ChangesTheGcThreshold(ExemplarAdapter):
    def attach(self, model, plan, context):
        gc.set_threshold(1, 1, 1)
        return super().attach(model, plan, context)
