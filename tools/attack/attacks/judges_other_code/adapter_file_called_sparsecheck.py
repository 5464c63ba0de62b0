"""Judge an adapter file whose name is `sparsecheck.py`."""

from tools.attack.box import CELLS

LINE = "D23"
EXIT = (0, 2)
COLD = True
NEVER = "circular|partially initialized|cannot import name"


def attack(box):
    box.write("sparsecheck.py", GOOD)
    box.sparsecheck("run", "--adapter", "sparsecheck.py", *CELLS)


GOOD = '''
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Good(ExemplarAdapter):
    pass
'''
