"""Make a failure `refused`, outside REFUSE and by nobody, and adapt the counts."""

LINE = "E25"
EXIT = 2
SAYS = r"refus|contradict"


def attack(box):
    report = box.report("red")
    header, *records, _ = box.lines(report)
    for one in records:
        if one["verdict"] == "failed":
            one.update(verdict="refused", signature="", message="")
    box.forge(report, [header, *records])
    box.sparsecheck("report", report)
