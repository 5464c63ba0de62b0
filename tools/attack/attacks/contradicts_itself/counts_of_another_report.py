"""Change the counts in the footer."""

LINE = "E25"
EXIT = (2, 3)
SAYS = r"footer|counts"


def attack(box):
    report = box.report("red")
    *rest, footer = box.lines(report)
    footer["outcomes"][0]["counts"]["failed"] -= 1
    box.rewrite(report, [*rest, footer])
    box.sparsecheck("report", report)
