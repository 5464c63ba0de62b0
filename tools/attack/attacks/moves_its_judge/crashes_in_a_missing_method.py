"""Refuse by a crash: `__missing__` of a dictionary raises a KeyError that names parameter and pattern."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A4"
EXIT = 1
JUDGED = "--area REFUSE"
SAYS = r"KeyError"


class CrashesInALookup(ExemplarAdapter):
    supported = " ".join(one for one in ExemplarAdapter.supported.split() if one != "band")
    unsupported = "band"

    def attach(self, model, plan, context):
        done = {name: pattern for name, pattern in plan.patterns.items() if type(pattern).__name__ != "Band"}
        for name, pattern in plan.patterns.items():
            _ = done[f"{name}"] if type(pattern).__name__ != "Band" else done[f"{name} {type(pattern).__name__}"]
        return super().attach(model, plan, context)
