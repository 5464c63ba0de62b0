"""Expect a pattern that takes exponential time on its message: the entry must be named, soon."""

LINE = "C16"
EXIT = (1, 2, 3)
SAYS = r"(too long|seconds|took|time).*endless|endless.*(too long|seconds|took|time)"
SLOW = True

ENTRY = '''[[defect]]
id = "endless"
sparsifiers = ["raises"]
requirements = ["MASK-01"]
signatures = ["RuntimeError: (aaaa|aaaaa?)+c"]
reason = "It raises for convolutions."
'''

ADAPTER = '''
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Raises(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            raise RuntimeError("a" * 400 + "b")
        return super().attach(model, plan, context)
'''


def attack(box):
    box.write("raises.py", ADAPTER)
    box.write("raises.expectations.toml", ENTRY)
    box.sparsecheck("run", "--adapter", "raises.py", "--requirement", "MASK-01", "--limit", "40")
