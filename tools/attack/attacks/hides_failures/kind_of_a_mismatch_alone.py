"""Expect a kind of mismatch without pattern and bound: one wrong entry and all of them are then the same."""

LINE = "C14"
EXIT = (1, 2)
SAYS = r"mask-differs"

ADAPTER = '''
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter


class Wrong(ExemplarAdapter):
    class sparsified(Exemplar):
        def masks(self):
            return {name: ~mask for name, mask in super().masks().items()}
'''

ENTRY = '''[[defect]]
id = "one-tie"
sparsifiers = ["wrong"]
requirements = ["MASK-03"]
signatures = ["mask-differs"]
reason = "One tie is broken the other way."
'''


def attack(box):
    box.write("wrong.py", ADAPTER)
    box.write("wrong.expectations.toml", ENTRY)
    cell = "wrong:MASK-03/linear/given/float32/cpu"
    box.sparsecheck("run", "--adapter", "wrong.py", "--cell", cell, "--report", "out.jsonl")
