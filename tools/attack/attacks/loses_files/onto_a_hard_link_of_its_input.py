"""Write onto another name of the input file."""

import os

LINE = "D17"
EXIT = (0, 2)


def attack(box):
    report = box.report()
    os.link(report, box.folder / "other.html")
    box.expect_unchanged(report)
    box.sparsecheck("page", report, "--html", "other.html")
