"""Write a number of 5,000 digits into the seconds of a record."""

LINE = "D19"
EXIT = 2
SAYS = r"line \d+|number|seconds|green\.jsonl"


def attack(box):
    report = box.report()
    text = report.read_text("utf-8").replace('"seconds":0', '"seconds":' + "9" * 5000, 1)
    report.write_text(text, "utf-8")
    box.sparsecheck("report", report)
