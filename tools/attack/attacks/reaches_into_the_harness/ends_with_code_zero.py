"""End the process with code 0 in the middle of a case."""

import os

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A10"
EXIT = 3
SAYS = r"process (ended|exited|is gone)"


class EndsWithCodeZero(ExemplarAdapter):
    calls = 0

    def attach(self, model, plan, context):
        type(self).calls += 1
        if self.calls == 12:
            os._exit(0)
        return super().attach(model, plan, context)
