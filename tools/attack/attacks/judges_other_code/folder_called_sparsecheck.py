"""Run in a folder with an empty package `sparsecheck`."""

from tools.attack.box import CELLS

LINE = "D23"
EXIT = 0
COLD = True


def attack(box):
    env = box.install()
    box.write("sparsecheck/__init__.py", "")
    box.sparsecheck("run", "acme", *CELLS, env=env)
