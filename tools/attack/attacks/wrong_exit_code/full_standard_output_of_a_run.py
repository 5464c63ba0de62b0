"""Run with a full standard output: the report is written nevertheless."""

from tools.attack.box import CELLS

LINE = "D19"
EXIT = 2
SAYS = r"No space left|cannot be written|could not be written"


def attack(box):
    box.report()
    box.shell(f"sparsecheck run --adapter green_adapter.py {' '.join(CELLS)} --report out.jsonl > /dev/full")
    lines = box.lines(box.folder / "out.jsonl")
    box.require(lines and lines[-1]["kind"] == "footer", "the report is not whole")
