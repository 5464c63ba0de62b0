"""Warn instead of refusing, with PYTHONWARNINGS=error, which makes an exception of the warning."""

LINE = "A5"
EXIT = (1, 3)
SAYS = "REFUSE|Warning|not refused"

ADAPTER = '''
import warnings

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Warns(ExemplarAdapter):
    supported = " ".join(one for one in ExemplarAdapter.supported.split() if one != "band")
    unsupported = "band"

    def attach(self, model, plan, context):
        for name, pattern in plan.patterns.items():
            if type(pattern).__name__ == "Band":
                warnings.warn(f"{name}: Band is not supported")
                return super().attach(model, type(plan)({}), context)
        return super().attach(model, plan, context)
'''


def attack(box):
    box.write("warns.py", ADAPTER)
    box.sparsecheck("run", "--adapter", "warns.py", "--area", "REFUSE", env={"PYTHONWARNINGS": "error"})
