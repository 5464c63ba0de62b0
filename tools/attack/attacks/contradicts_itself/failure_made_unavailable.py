"""Make a failure `unavailable` on the CPU, and adapt the counts."""

LINE = "E25"
EXIT = (2, 3)
SAYS = r"unavailable|contradict|cpu"


def attack(box):
    report = box.report("red")
    header, *records, _ = box.lines(report)
    for one in records:
        if one["verdict"] == "failed":
            one.update(verdict="unavailable", reason="no cpu device here", signature="", message="")
    box.forge(report, [header, *records])
    box.sparsecheck("report", report)
