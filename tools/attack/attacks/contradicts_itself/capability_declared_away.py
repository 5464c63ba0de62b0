"""Declare the capability of the failing cells unsupported in the header, and drop these cells: others remain of it."""

LINE = "E25"
EXIT = (1, 2, 3)
SAYS = r"plan|catalogue|cells"


def attack(box):
    report = box.report("red")
    header, *records, _ = box.lines(report)
    capabilities = header["subjects"][0]["declaration"]["capabilities"]
    capabilities["supported"].remove("conv2d")
    capabilities["unsupported"].append("conv2d")
    kept = [one for one in records if one["verdict"] != "failed"]
    header["subjects"][0]["planned"] = [one["cell"] for one in records]
    box.forge(report, [header, *kept])
    box.sparsecheck("report", report)
