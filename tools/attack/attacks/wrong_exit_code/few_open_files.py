"""Run with at most 32 open files."""

from tools.attack.box import CELLS

LINE = "D19"
EXIT = (0, 2, 3)


def attack(box):
    box.report()
    box.shell(f"ulimit -n 32; sparsecheck run --adapter green_adapter.py {' '.join(CELLS)} --report out.jsonl")
