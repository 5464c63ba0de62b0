"""Read a report whose file name has an escape sequence and a line break, and one that is missing."""

LINE = "D20"
EXIT = 2
SAYS = r"missing"


def attack(box):
    report = box.report("red", "a\x1b[2J\n\u202eb.jsonl")
    box.show_everywhere(report)
    box.sparsecheck("report", "missing\x1b[2J\r.jsonl")
