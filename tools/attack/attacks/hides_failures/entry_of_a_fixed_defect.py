"""Keep two entries on the same cells, one of which explains a defect that was fixed long ago."""

LINE = "C15"
EXIT = (1, 2)
SAYS = r"(stale|explain|fixed-long-ago)"

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
id = "fixed-long-ago"
sparsifiers = ["raises"]
cells = ["MASK-01/conv2d"]
signatures = ["RuntimeError: The mask was lost"]
reason = "It loses the mask of convolutions."
'''


def attack(box):
    box.write("raises.py", ADAPTER)
    box.write("raises.expectations.toml", ENTRIES)
    cell = "raises:MASK-01/conv2d/given/float32/cpu"
    box.sparsecheck("run", "--adapter", "raises.py", "--cell", cell, "--report", "out.jsonl")
