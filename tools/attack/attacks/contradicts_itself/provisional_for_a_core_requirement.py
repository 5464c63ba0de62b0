"""Make a failure of a core requirement of the first catalogue a `provisional failure`, and adapt the counts."""

LINE = "E25"
EXIT = 2
SAYS = r"provisional|contradict|catalogue"


def attack(box):
    report = box.report("red")
    header, *records, footer = box.lines(report)
    made = 0
    for one in records:
        if one["verdict"] == "failed":
            made += 1
            one["verdict"] = "provisional failure"
    counts = footer["outcomes"][0]["counts"]
    counts.pop("failed")
    counts["provisional failure"] = made
    footer["outcomes"][0].update(result="selection")
    footer["outcomes"][0]["core"]["conformance"] = footer["outcomes"][0]["extended"]["conformance"] = "incomplete"
    box.rewrite(report, [header, *records, footer])
    box.sparsecheck("report", report)
