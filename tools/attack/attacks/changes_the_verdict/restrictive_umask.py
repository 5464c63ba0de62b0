"""Judge with a umask that takes every permission away."""

from tools.attack.box import CELLS

LINE = "F1"
EXIT = (0, 2)


def attack(box):
    box.report()
    box.shell(f"umask 777; sparsecheck run --adapter green_adapter.py {' '.join(CELLS)} --report out.jsonl")
