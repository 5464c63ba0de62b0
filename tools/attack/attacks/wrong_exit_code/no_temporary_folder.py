"""Run with a TMPDIR that cannot be written to, and nowhere to write but a file system that is full."""

from tools.attack.box import CELLS

LINE = "D23"
EXIT = (0, 2, 3)
NEVER = r"None could not be written"


def attack(box):
    box.report()
    command = f"sparsecheck run --adapter green_adapter.py {' '.join(CELLS)}"
    box.shell(command, env={"TMPDIR": "/dev/null"})
