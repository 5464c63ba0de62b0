"""Write a report to a file whose name is no UTF-8, and read it."""

LINE = "D21"
EXIT = (0, 2)


def attack(box):
    box.report()
    box.shell("mv green.jsonl $'a\\xff.jsonl'; sparsecheck report $'a\\xff.jsonl' --markdown $'b\\xff.md'")
