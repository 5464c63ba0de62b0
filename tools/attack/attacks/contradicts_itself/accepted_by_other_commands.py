"""Give a report in which a failure `passed`, and keeps its signature, to gate, page, merge, expect and versions."""

LINE = "E25"
EXIT = 2
SAYS = r"passed|signature|contradict"


def attack(box):
    baseline, report = box.report("red", "baseline.jsonl"), box.report("red")
    header, *records, footer = box.lines(report)
    made = 0
    for one in records:
        if one["verdict"] == "failed":
            made += 1
            one["verdict"] = "passed"
    counts = footer["outcomes"][0]["counts"]
    counts.pop("failed")
    counts["passed"] += made
    footer["outcomes"][0].update(result="selection")
    footer["outcomes"][0]["core"]["conformance"] = footer["outcomes"][0]["extended"]["conformance"] = "incomplete"
    box.rewrite(report, [header, *records, footer])
    for call in (("page", report, "--html", "x.html"), ("versions", report, "--html", "y.html"), ("expect", report)):
        ended = box.sparsecheck(*call)
        box.require(ended.code == 2, f"{call[0]} exits with {ended.code}")
    box.sparsecheck("gate", "--baseline", baseline, report)
