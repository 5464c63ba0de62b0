"""Raise SystemExit(0) in a case."""

import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "D23"
EXIT = (1, 3)
SAYS = r"SystemExit"


class RaisesAnExit(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv" in str(model):
            sys.exit(0)
        return super().attach(model, plan, context)
