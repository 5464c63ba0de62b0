"""Set a variable of the environment."""

import os

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"environ|HOSTILE"


class SetsAVariable(ExemplarAdapter):
    def attach(self, model, plan, context):
        os.environ["HOSTILE"] = "1"
        return super().attach(model, plan, context)
