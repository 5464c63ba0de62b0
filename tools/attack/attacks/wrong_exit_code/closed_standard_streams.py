"""Run with all three standard streams closed."""

from tools.attack.box import CELLS

LINE = "D19"
EXIT = (0, 2)


def attack(box):
    box.report()
    box.shell(f"sparsecheck run --adapter green_adapter.py {' '.join(CELLS)} --report out.jsonl <&- >&- 2>&-")
    box.require((box.folder / "out.jsonl").exists(), "there is no report")
