"""Read the JUnit file of a sparsifier that supports no CPU, where there is no accelerator."""

LINE = "E24"
EXIT = (1, 2)
SAYS = r"nothing|unavailable|no cuda|accelerator"

ADAPTER = '''
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class OnlyThere(ExemplarAdapter):
    supported = ExemplarAdapter.supported.replace(" cpu ", " ")
    unsupported = "cpu"
'''


def attack(box):
    box.write("there.py", ADAPTER)
    box.sparsecheck("run", "--adapter", "there.py", "--area", "MASK", "--report", "out.jsonl")
    box.sparsecheck("report", "out.jsonl", "--junit", "out.xml")
    box.require(box.junit_is_red(box.folder / "out.xml"), "JUnit has no failure and no error")
