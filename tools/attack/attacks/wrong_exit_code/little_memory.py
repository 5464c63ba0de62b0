"""Run with 300 MB of address space, in which torch cannot be imported."""

from tools.attack.box import CELLS

LINE = "D19"
EXIT = (2, 3)
SAYS = r"memory|cannot|not (be )?judged|failed to map|import"


def attack(box):
    box.report()
    box.shell(f"ulimit -v 300000; sparsecheck run --adapter green_adapter.py {' '.join(CELLS)} --report out.jsonl")
