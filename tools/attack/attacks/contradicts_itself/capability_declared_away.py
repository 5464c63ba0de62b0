"""Declare the capability that the failing cells need unsupported, in the header of the report."""

LINE = "E25"
EXIT = (1, 2, 3)
SAYS = r"plan|catalogue|cells|Tensor sizes clash"


def attack(box):
    report = box.report("red")
    header, *records, footer = box.lines(report)
    failing = {one["cell"] for one in records if one["verdict"] == "failed"}
    capabilities = header["subjects"][0]["declaration"]["capabilities"]
    capabilities["supported"].remove("conv2d")
    capabilities["unsupported"].append("conv2d")
    kept = [one for one in records if one["cell"] not in failing]
    header["subjects"][0]["planned"] = [one for one in header["subjects"][0]["planned"] if one not in failing]
    outcome = footer["outcomes"][0]
    outcome.update(result="selection", planned=len(kept))
    outcome["counts"].pop("failed")
    outcome["core"]["conformance"] = outcome["extended"]["conformance"] = "incomplete"
    box.rewrite(report, [header, *kept, footer])
    box.sparsecheck("report", report)
