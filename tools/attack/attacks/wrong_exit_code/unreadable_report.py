"""Read a report that is missing."""

LINE = "D19"
EXIT = 2
SAYS = r"missing\.jsonl"


def attack(box):
    box.sparsecheck("report", "missing.jsonl")
