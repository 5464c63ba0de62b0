"""Refuse by a crash: a KeyError from the adapter's own table, whose message names parameter and pattern."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A4"
EXIT = 1
JUDGED = "--area REFUSE"
SAYS = r"KeyError"

NO_BANDS = {name: name for name in ExemplarAdapter.supported.split() if name not in ("band", "block")}
NAMES = {"Band": "band", "Block": "block"}


class CrashesWithTheName(ExemplarAdapter):
    supported = " ".join(NO_BANDS)
    unsupported = "band block"

    def attach(self, model, plan, context):
        table = {}
        for name, pattern in plan.patterns.items():
            if type(pattern).__name__ in NAMES:
                table[f"{name} {type(pattern).__name__}"]
        return super().attach(model, plan, context)
