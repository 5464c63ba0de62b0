"""Judge a sparsifier that refuses by `assert` with PYTHONOPTIMIZE=1."""

LINE = "F1"
EXIT = 1
SAYS = r"REFUSE-01"

ADAPTER = '''
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Asserts(ExemplarAdapter):
    supported = ExemplarAdapter.supported.replace(" band ", " ")
    unsupported = "band"

    def attach(self, model, plan, context):
        for name, pattern in plan.patterns.items():
            assert type(pattern).__name__ != "Band", f"{name}: Band is not supported"
        return super().attach(model, plan, context)
'''


def attack(box):
    box.write("asserts.py", ADAPTER)
    options = ("--adapter", "asserts.py", "--area", "REFUSE", "--report", "out.jsonl")
    box.sparsecheck("run", *options, env={"PYTHONOPTIMIZE": "1"})
