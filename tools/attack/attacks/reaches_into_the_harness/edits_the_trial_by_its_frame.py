"""Find the trial in the frames of the callers, and give it a plan without parameters."""

import sys

from sparsecheck.adapter.holders import InPlaceSparsified
from sparsecheck.adapter.protocol import Adapter
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A10"
EXIT = (1, 3)
SAYS = r"plan|trial|no comparison|compared nothing|SMOKE-0[23]"


class Nothing(InPlaceSparsified):
    def update(self, level=None):
        pass


class EditsTheTrial(ExemplarAdapter):
    restore = Adapter.restore

    def attach(self, model, plan, context):
        sparsified = Nothing(model, plan)
        frame = sys._getframe()
        while frame is not None:
            trial = frame.f_locals.get("trial") or frame.f_locals.get("self")
            if type(trial).__name__ == "Trial":
                trial.plan = type(plan)({})
            frame = frame.f_back
        return sparsified
