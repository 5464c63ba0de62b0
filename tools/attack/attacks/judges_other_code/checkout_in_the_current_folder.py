"""Judge from a flat checkout: the installed release is correct, the working tree in the current folder is broken."""

from tools.attack.box import ACME, CELLS

LINE = "B10"
EXIT = 0
COLD = True
NEVER = "the checkout was judged"

BROKEN = 'def attach(self, model, plan, context):\n        raise RuntimeError("the checkout was judged")\n'


def attack(box):
    env = box.install()
    box.write("acme_pruning.py", ACME.format(body=BROKEN))
    box.sparsecheck("run", "acme", *CELLS, env=env)
