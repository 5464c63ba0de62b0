"""Delete the expectation file, and resume a finished report with known failures."""

LINE = "B11"
EXIT = (1, 2)
SAYS = r"Tensor sizes clash|expectation"


def attack(box):
    report = box.report("red", "out.jsonl")
    adapter = box.folder / "red_adapter.py"
    options = ("--adapter", adapter.name, "--requirement", "MASK-01", "--requirement", "MASK-03", "--report", report)
    box.accept(adapter, report)
    known = box.sparsecheck("run", *options)
    box.require(known.code == 0, f"the failures are not known: {known.output}")
    next(box.folder.glob("*.expectations.toml")).unlink()
    box.sparsecheck("run", *options, "--resume")
