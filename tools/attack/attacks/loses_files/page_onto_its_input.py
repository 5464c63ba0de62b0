"""Write the page onto the report that it is made of."""

LINE = "D17"
EXIT = 2
SAYS = r"(same|input|read|overwrit|own)"


def attack(box):
    report = box.report()
    box.expect_unchanged(report)
    box.sparsecheck("page", report, "--html", report)
