"""Empty the plan and the records of a report, and adapt the counts: nothing is red then."""

LINE = "E25"
EXIT = (1, 2, 3)
SAYS = r"plan|nothing|cells|catalogue"


def attack(box):
    report = box.report("red")
    header, *_ = box.lines(report)
    header["subjects"][0]["planned"] = []
    box.forge(report, [header])
    box.sparsecheck("report", report)
