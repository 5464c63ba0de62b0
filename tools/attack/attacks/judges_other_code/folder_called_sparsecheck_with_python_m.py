"""Run `python -m sparsecheck` in a folder with an empty package `sparsecheck`: the message must name that folder."""

import sys

from tools.attack.box import CELLS

LINE = "D23"
EXIT = (0, 1, 2)
COLD = True


def attack(box):
    env = box.install()
    box.write("sparsecheck/notes.txt", "")
    box.shell(f"{sys.executable} -m sparsecheck run acme {' '.join(CELLS)}", env=env)
    box.require(box.ended[-1].code == 0, box.ended[-1].output)
