"""Run on a full disk without --report: "None could not be written" names nothing."""

LINE = "D23"
EXIT = (2, 3)
SAYS = r"cannot be written|could not be written|File too large|system refuses"
NEVER = r"None could not be written"


def attack(box):
    box.report()
    box.shell("ulimit -f 0; sparsecheck run --adapter green_adapter.py --requirement MASK-01")
