"""Add a second entry that explains nothing alone: each failure is explained by the first one, too."""

LINE = "C15"
EXIT = (1, 2)
SAYS = r"(stale|explain|wider|both)"

ADAPTER = '''
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Raises(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            raise RuntimeError("Tensor sizes clash")
        return super().attach(model, plan, context)
'''

ENTRIES = '''[[defect]]
id = "clashes"
sparsifiers = ["raises"]
cells = ["MASK-01/conv2d"]
signatures = ["RuntimeError: Tensor sizes clash"]
reason = "It raises for convolutions."

[[defect]]
id = "wider"
sparsifiers = ["raises"]
cells = ["MASK-01/conv2d"]
signatures = ["RuntimeError: Tensor sizes"]
reason = "It raises for convolutions, too."
'''


def attack(box):
    box.write("raises.py", ADAPTER)
    box.write("raises.expectations.toml", ENTRIES)
    cell = "raises:MASK-01/conv2d/given/float32/cpu"
    box.sparsecheck("run", "--adapter", "raises.py", "--cell", cell, "--report", "out.jsonl")
