"""Write the Markdown summary onto the report, under another spelling of its path."""

LINE = "D17"
EXIT = 2
SAYS = r"(same|input|read|overwrit|own)"


def attack(box):
    report = box.report()
    box.expect_unchanged(report)
    box.sparsecheck("report", report.name, "--markdown", f"../{box.folder.name}/./{report.name}")
