"""Leave a torch.py, a numpy/ and a pytest.py in the current folder."""

from tools.attack.box import CELLS

LINE = "B10"
EXIT = 0
COLD = True
NEVER = "from the current folder"


def attack(box):
    for name in ("torch.py", "numpy/__init__.py", "pytest.py", "click.py", "msgspec/__init__.py", "random.py"):
        box.write(name, "raise ImportError('from the current folder')\n")
    box.sparsecheck("run", "--adapter", box.write("a/good.py", GOOD), *CELLS)


GOOD = '''
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Good(ExemplarAdapter):
    pass
'''
