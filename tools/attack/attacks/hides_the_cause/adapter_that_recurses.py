"""Recurse without end in attach."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "D23"
EXIT = 1
SAYS = r"RecursionError"


class Recurses(ExemplarAdapter):
    def attach(self, model, plan, context):
        return self.attach(model, plan, context) if "Conv2d" in str(model) else super().attach(model, plan, context)
