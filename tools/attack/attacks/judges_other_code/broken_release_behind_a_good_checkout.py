"""Judge from a flat checkout that is correct, where the installed release is broken."""

from tools.attack.box import ACME, CELLS

LINE = "B10"
EXIT = 1
SAYS = "the release was judged"
COLD = True

BROKEN = 'def attach(self, model, plan, context):\n        raise RuntimeError("the release was judged")\n'


def attack(box):
    env = box.install(BROKEN)
    box.write("acme_pruning.py", ACME.format(body="pass\n"))
    box.sparsecheck("run", "acme", *CELLS, env=env)
