"""Call the result of a red report `green`."""

LINE = "E25"
EXIT = (1, 2, 3)
SAYS = r"footer|result|Tensor sizes clash"


def attack(box):
    report = box.report("red")
    *rest, footer = box.lines(report)
    footer["outcomes"][0]["result"] = "green"
    box.rewrite(report, [*rest, footer])
    box.sparsecheck("report", report)
