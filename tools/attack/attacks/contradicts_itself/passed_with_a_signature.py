"""Make a failure `passed`, which keeps its signature, and adapt the counts."""

LINE = "E25"
EXIT = 2
SAYS = r"passed|signature|contradict"


def attack(box):
    report = box.report("red")
    header, *records, _ = box.lines(report)
    for one in records:
        if one["verdict"] == "failed":
            one["verdict"] = "passed"
    box.forge(report, [header, *records])
    box.sparsecheck("report", report)
