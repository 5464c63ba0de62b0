"""Declare another contract in a pytest-xdist worker than in its controller."""

LINE = "F1"
EXIT = 3
SLOW = True
SAYS = r"this worker plans other cells"

ADAPTER = '''
import os

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Declares(ExemplarAdapter):
    if "PYTEST_XDIST_WORKER" in os.environ:
        supported = ExemplarAdapter.supported.replace("band ", "")
        unsupported = "band"
'''


def attack(box):
    box.write("declares.py", ADAPTER)
    box.sparsecheck("run", "--adapter", "declares.py", "-n", "2", "--requirement", "MASK-01", "--report", "out.jsonl")
