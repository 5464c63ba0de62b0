"""Put invalid UTF-8 into a message of a record, and compare it with a good report."""

LINE = "D19"
EXIT = 2
SAYS = r"UTF-8|utf-8"


def attack(box):
    report, baseline = box.report("red"), box.report("red", "baseline.jsonl")
    report.write_bytes(report.read_bytes().replace(b"Tensor sizes", b"Tensor\xc3\x28sizes"))
    box.sparsecheck("gate", "--baseline", baseline, report)
