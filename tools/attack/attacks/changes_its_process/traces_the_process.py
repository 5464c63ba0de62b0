"""Install a trace function with sys.settrace."""

import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"trace"


class TracesTheProcess(ExemplarAdapter):
    def attach(self, model, plan, context):
        sys.settrace(lambda *args: None)
        return super().attach(model, plan, context)
