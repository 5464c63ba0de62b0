"""Make a failure `refused`, outside REFUSE and by nobody, and adapt the counts."""

LINE = "E25"
EXIT = 2
SAYS = r"refus|contradict"


def attack(box):
    report = box.report("red")
    header, *records, footer = box.lines(report)
    made = 0
    for one in records:
        if one["verdict"] == "failed":
            made += 1
            one["verdict"] = "refused"
            for key in ("signature", "message"):
                one.pop(key, None)
    counts = footer["outcomes"][0]["counts"]
    counts.pop("failed")
    counts["refused"] = made
    footer["outcomes"][0].update(result="selection")
    footer["outcomes"][0]["core"]["conformance"] = footer["outcomes"][0]["extended"]["conformance"] = "incomplete"
    box.rewrite(report, [header, *records, footer])
    box.sparsecheck("report", report)
