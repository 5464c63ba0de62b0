"""Replace sys.stdout: whatever is printed later goes nowhere."""

import io
import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
SAYS = r"stdout|standard output"
JUDGED = "--requirement MASK-19 --requirement MASK-01"


class ReplacesStandardOutput(ExemplarAdapter):
    def attach(self, model, plan, context):
        sys.stdout = io.StringIO()
        return super().attach(model, plan, context)
