"""Write onto a symlink that leads to the input file."""

LINE = "D17"
EXIT = 2
SAYS = r"(same|input|read|overwrit|own)"


def attack(box):
    report = box.report()
    (box.folder / "page.html").symlink_to(report.name)
    box.expect_unchanged(report)
    box.sparsecheck("page", report, "--html", "page.html")
