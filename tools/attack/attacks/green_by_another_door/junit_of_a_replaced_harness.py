"""Stop a run because the sparsifier replaced a part of the harness, and read its JUnit file."""

LINE = "E24"
EXIT = 3
SAYS = r"replaced"

ADAPTER = '''
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.oracle import compare


class Replaces(ExemplarAdapter):
    def attach(self, model, plan, context):
        compare.assert_equal = lambda *args, **kwargs: None
        return super().attach(model, plan, context)
'''


def attack(box):
    box.write("replaces.py", ADAPTER)
    box.sparsecheck("run", "--adapter", "replaces.py", "--requirement", "MASK-01", "--report", "out.jsonl")
    box.sparsecheck("report", "out.jsonl", "--junit", "out.xml")
    box.require(box.junit_is_red(box.folder / "out.xml"), "JUnit has no failure and no error")
