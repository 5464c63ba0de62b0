"""Fail with a message whose first line is expected and whose second line names another cause."""

LINE = "C14"
EXIT = 1
SAYS = "the disk is on fire"

ADAPTER = '''
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Raises(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            raise RuntimeError("pruning has failed because:\\nthe mask has the wrong size")
        return super().attach(model, plan, context)
'''


def attack(box):
    adapter = box.write("raises.py", ADAPTER)
    options = ("--adapter", "raises.py", "--requirement", "MASK-01", "--report", "out.jsonl")
    box.sparsecheck("run", *options)
    box.accept(adapter, "out.jsonl")
    known = box.sparsecheck("run", *options)
    box.require(known.code == 0, f"the failure is not known: {known.output}")
    adapter.write_text(ADAPTER.replace("the mask has the wrong size", "the disk is on fire"), "utf-8")
    box.sparsecheck("run", *options)
