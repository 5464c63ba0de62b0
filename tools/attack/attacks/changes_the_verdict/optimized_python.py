"""Judge with PYTHONOPTIMIZE=2, which strips every assert: a bad sparsifier must stay red."""

LINE = "F1"
EXIT = 1
SAYS = r"differs"

ADAPTER = '''
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter


class Wrong(ExemplarAdapter):
    class sparsified(Exemplar):
        def masks(self):
            return {name: ~mask for name, mask in super().masks().items()}
'''


def attack(box):
    box.write("wrong.py", ADAPTER)
    options = ("--adapter", "wrong.py", "--requirement", "MASK-03", "--report", "out.jsonl")
    box.sparsecheck("run", *options, env={"PYTHONOPTIMIZE": "2"})
    box.require("mask-differs" in (box.folder / "out.jsonl").read_text("utf-8"), "no mask-differs in the report")
