"""Refuse by an `assert` whose message names parameter and pattern; under `python -O` it would do nothing."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A4"
EXIT = 1
JUDGED = "--area REFUSE"
SAYS = r"AssertionError"


class CrashesInAnAssert(ExemplarAdapter):
    supported = " ".join(one for one in ExemplarAdapter.supported.split() if one != "band")
    unsupported = "band"

    def attach(self, model, plan, context):
        for name, pattern in plan.patterns.items():
            assert type(pattern).__name__ != "Band", f"{name}: Band is not supported"
        return super().attach(model, plan, context)
