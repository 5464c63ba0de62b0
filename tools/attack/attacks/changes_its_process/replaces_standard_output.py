"""Replace sys.stdout: what the adapter prints is its own affair, and no verdict depends on it."""

import io
import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = 0
JUDGED = "--requirement MASK-19 --requirement MASK-01"


class ReplacesStandardOutput(ExemplarAdapter):
    def attach(self, model, plan, context):
        sys.stdout = io.StringIO()
        return super().attach(model, plan, context)
