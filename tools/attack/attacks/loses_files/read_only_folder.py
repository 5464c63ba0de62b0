"""Write into a folder that is read-only, or does not exist."""

LINE = "D17"
EXIT = 2
SAYS = r"cannot be written|could not be written|no such|does not exist"


def attack(box):
    report = box.report()
    box.sparsecheck("report", report, "--markdown", "missing/out.md")
