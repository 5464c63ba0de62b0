"""Give a report in which a failure `passed`, and keeps its signature, to page, versions, expect and gate."""

LINE = "E25"
EXIT = 2
SAYS = r"passed|signature|contradict"


def attack(box):
    baseline, report = box.report("red", "baseline.jsonl"), box.report("red")
    header, *records, _ = box.lines(report)
    for one in records:
        if one["verdict"] == "failed":
            one["verdict"] = "passed"
    box.forge(report, [header, *records])
    for call in (("page", report, "--html", "x.html"), ("versions", report, "--html", "y.html"), ("expect", report)):
        ended = box.sparsecheck(*call)
        box.require(ended.code == 2, f"{call[0]} exits with {ended.code}")
    box.sparsecheck("gate", "--baseline", baseline, report)
