"""Start tracemalloc, which slows every allocation."""

import tracemalloc

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"tracemalloc|alloc"


class TracesAllocations(ExemplarAdapter):
    def attach(self, model, plan, context):
        tracemalloc.start()
        return super().attach(model, plan, context)
