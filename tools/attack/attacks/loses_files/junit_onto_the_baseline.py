"""Write JUnit onto the baseline of the gate."""

LINE = "D17"
EXIT = 2
SAYS = r"(same|input|read|overwrit|own)"


def attack(box):
    report, baseline = box.report(), box.report("green", "baseline.jsonl")
    box.expect_unchanged(report, baseline)
    box.sparsecheck("gate", "--baseline", baseline, report, "--junit", baseline)
