"""Disable the garbage collector."""

import gc

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"garbage|gc"


class DisablesTheGarbageCollector(ExemplarAdapter):
    def attach(self, model, plan, context):
        gc.disable()
        return super().attach(model, plan, context)
