"""Put invalid UTF-8 into a string of a report."""

LINE = "D19"
EXIT = 2
SAYS = r"UTF-8|utf-8"


def attack(box):
    report = box.report()
    report.write_bytes(report.read_bytes().replace(b'"started":"2', b'"started":"\xff\xfe2'))
    box.sparsecheck("report", report)
