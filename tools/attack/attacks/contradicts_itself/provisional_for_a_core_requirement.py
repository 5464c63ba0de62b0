"""Make a failure of a core requirement of the first catalogue a `provisional failure`, and adapt the counts."""

LINE = "E25"
EXIT = 2
SAYS = r"provisional|contradict|catalogue"


def attack(box):
    report = box.report("red")
    header, *records, _ = box.lines(report)
    for one in records:
        if one["verdict"] == "failed":
            one["verdict"] = "provisional failure"
    box.forge(report, [header, *records])
    box.sparsecheck("report", report)
