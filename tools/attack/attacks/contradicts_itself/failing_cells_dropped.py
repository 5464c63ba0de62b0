"""Drop the failing cells from plan and records of a report, and adapt the counts."""

LINE = "E25"
EXIT = (2, 3)
SAYS = r"plan|catalogue|cells|missing"


def attack(box):
    report = box.report("red")
    header, *records, _ = box.lines(report)
    kept = [one for one in records if one["verdict"] != "failed"]
    header["subjects"][0]["planned"] = [one["cell"] for one in kept]
    box.forge(report, [header, *kept])
    box.sparsecheck("report", report)
