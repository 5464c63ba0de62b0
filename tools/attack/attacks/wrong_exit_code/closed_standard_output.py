"""Write to a closed standard output."""

LINE = "D19"
EXIT = (0, 2)


def attack(box):
    box.report()
    box.shell("sparsecheck report green.jsonl >&-")
