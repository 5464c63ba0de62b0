"""Run with files limited to 0 bytes: the report cannot be written, and no sparsifier is to blame."""

from tools.attack.box import CELLS

LINE = "D19"
EXIT = (2, 3)
SAYS = r"cannot be written|could not be written|File too large|system refuses"


def attack(box):
    box.report()
    box.shell(f"ulimit -f 0; sparsecheck run --adapter green_adapter.py {' '.join(CELLS)} --report out.jsonl")
