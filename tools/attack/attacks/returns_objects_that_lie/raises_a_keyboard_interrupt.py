"""Raise KeyboardInterrupt in a case: no user did."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "D18"
EXIT = (1, 3)
SAYS = r"KeyboardInterrupt|interrupt"


class RaisesAKeyboardInterrupt(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv" in str(model):
            raise KeyboardInterrupt
        return super().attach(model, plan, context)
