"""Let `expect --write` propose entries for two messages that begin alike, then fail with a third one."""

LINE = "C13"
EXIT = 1
SAYS = "Total nonsense"

ADAPTER = '''
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Raises(ExemplarAdapter):
    calls = 0

    def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            type(self).calls += 1
            raise RuntimeError("Tensor sizes clash" if self.calls % 2 else "The mask was lost")
        return super().attach(model, plan, context)
'''


def attack(box):
    adapter = box.write("raises.py", ADAPTER)
    options = ("--adapter", "raises.py", "--requirement", "MASK-01", "--report", "out.jsonl")
    box.sparsecheck("run", *options)
    box.accept(adapter, "out.jsonl")
    known = box.sparsecheck("run", *options)
    box.require(known.code == 0, f"the two failures are not known: {known.output}")
    adapter.write_text(ADAPTER.replace("The mask was lost", "Total nonsense"), "utf-8")
    box.sparsecheck("run", *options)
