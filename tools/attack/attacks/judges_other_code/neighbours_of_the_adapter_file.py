"""Leave a torch.py and a sparsecheck/ beside the adapter file."""

from tools.attack.box import CELLS

LINE = "B10"
EXIT = 0
COLD = True
NEVER = "from the folder of the adapter"


def attack(box):
    for name in ("torch.py", "sparsecheck/__init__.py", "pytest.py"):
        box.write(name, "raise ImportError('from the folder of the adapter')\n")
    box.write("good.py", GOOD)
    box.sparsecheck("run", "--adapter", "good.py", *CELLS)


GOOD = '''
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Good(ExemplarAdapter):
    pass
'''
