"""Make a failure a `known failure` that names no defect and no reason, and adapt the counts."""

LINE = "E25"
EXIT = 2
SAYS = r"known|defect|reason|contradict"


def attack(box):
    report = box.report("red")
    header, *records, _ = box.lines(report)
    for one in records:
        if one["verdict"] == "failed":
            one["verdict"] = "known failure"
    box.forge(report, [header, *records])
    box.sparsecheck("report", report)
