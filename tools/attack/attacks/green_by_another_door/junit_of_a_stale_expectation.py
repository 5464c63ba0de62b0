"""Read the JUnit file of a run whose expectation is stale."""

LINE = "E24"
EXIT = 1
SAYS = r"expected to fail"


def attack(box):
    box.report("red")
    box.accept(box.folder / "red_adapter.py", "red.jsonl")
    fixed = (box.folder / "red_adapter.py").read_text("utf-8").replace("raise RuntimeError", "str")
    (box.folder / "red_adapter.py").write_text(fixed, "utf-8")
    options = ("--requirement", "MASK-01", "--requirement", "MASK-03", "--report", "out.jsonl")
    box.sparsecheck("run", "--adapter", "red_adapter.py", *options)
    box.sparsecheck("report", "out.jsonl", "--junit", "out.xml")
    box.require(box.junit_is_red(box.folder / "out.xml"), "JUnit has no failure and no error")
