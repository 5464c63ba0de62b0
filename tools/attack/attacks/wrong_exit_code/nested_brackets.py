"""Let a line of a report consist of 100,000 nested brackets."""

LINE = "D19"
EXIT = 2
SAYS = r"nest|deep|:\d+: |not (a|one) "


def attack(box):
    report = box.report()
    report.write_text(report.read_text("utf-8") + "[" * 100_000 + "]" * 100_000 + "\n", "utf-8")
    box.sparsecheck("report", report)
