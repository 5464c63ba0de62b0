"""Drop the failing cells from plan and records of a report, and adapt the counts."""

LINE = "E25"
EXIT = (2, 3)
SAYS = r"plan|catalogue|cells|missing"


def attack(box):
    report = box.report("red")
    header, *records, footer = box.lines(report)
    failing = {one["cell"] for one in records if one["verdict"] == "failed"}
    kept = [one for one in records if one["cell"] not in failing]
    header["subjects"][0]["planned"] = [one for one in header["subjects"][0]["planned"] if one not in failing]
    outcome = footer["outcomes"][0]
    outcome.update(result="selection", planned=len(kept))
    outcome["counts"].pop("failed")
    outcome["core"]["conformance"] = outcome["extended"]["conformance"] = "incomplete"
    box.rewrite(report, [header, *kept, footer])
    box.sparsecheck("report", report)
