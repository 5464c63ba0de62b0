"""Replace the function of a case in sparsecheck.cases by one that passes."""

import sys

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A10"
EXIT = (1, 3)
JUDGED = "--requirement MASK-03"
SAYS = r"mask-differs|sparsecheck\.cases|test_mask|case"


class Flips(Exemplar):
    def masks(self):
        return {name: ~mask for name, mask in super().masks().items()}


class ReplacesACase(ExemplarAdapter):
    sparsified = Flips

    def attach(self, model, plan, context):
        frame = sys._getframe()
        while frame is not None:
            session = getattr(frame.f_locals.get("item"), "session", None)
            for item in getattr(session, "items", ()):
                item.obj = lambda trial: None
            frame = frame.f_back
        return super().attach(model, plan, context)
