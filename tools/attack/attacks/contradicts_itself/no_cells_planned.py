"""Empty the plan and the records of a report, and adapt the counts: nothing is red then."""

LINE = "E25"
EXIT = (1, 2, 3)
SAYS = r"plan|nothing|cells|catalogue"


def attack(box):
    report = box.report("red")
    header, *_, footer = box.lines(report)
    header["subjects"][0]["planned"] = []
    footer["outcomes"][0].update(result="selection", planned=0, counts={})
    footer["outcomes"][0]["core"].update(conformance="incomplete", judged=0)
    footer["outcomes"][0]["extended"].update(conformance="incomplete", judged=0)
    box.rewrite(report, [header, footer])
    box.sparsecheck("report", report)
