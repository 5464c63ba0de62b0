"""Judge with a closed standard input, in which the next file that is opened becomes descriptor 0."""

from tools.attack.box import CELLS

LINE = "F1"
EXIT = 0


def attack(box):
    box.report()
    box.shell(f"sparsecheck run --adapter green_adapter.py {' '.join(CELLS)} --report out.jsonl <&-")
