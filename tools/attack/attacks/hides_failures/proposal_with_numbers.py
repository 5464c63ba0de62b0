"""Let `expect --write` propose an entry for a message with a number: another message with a number must not match."""

LINE = "C13"
EXIT = 1
SAYS = "stride 7 is gone"

ADAPTER = '''
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Raises(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            raise RuntimeError("size 4 is odd")
        return super().attach(model, plan, context)
'''


def attack(box):
    adapter = box.write("raises.py", ADAPTER)
    options = ("--adapter", "raises.py", "--requirement", "MASK-01", "--report", "out.jsonl")
    box.sparsecheck("run", *options)
    box.accept(adapter, "out.jsonl")
    known = box.sparsecheck("run", *options)
    box.require(known.code == 0, f"the failure is not known: {known.output}")
    adapter.write_text(ADAPTER.replace("size 4 is odd", "stride 7 is gone"), "utf-8")
    box.sparsecheck("run", *options)
