"""Judge with an empty environment."""

import sys

from tools.attack.box import CELLS, SPARSECHECK

LINE = "F1"
EXIT = 0


def attack(box):
    box.report()
    run = f"{sys.executable} {SPARSECHECK} run --adapter green_adapter.py {' '.join(CELLS)} --report out.jsonl"
    box.shell(f"cd {box.folder} && env -i TMPDIR={box.temporary} {run}")
