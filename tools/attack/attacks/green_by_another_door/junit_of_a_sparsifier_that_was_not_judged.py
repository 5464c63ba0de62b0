"""Read the JUnit file of a run whose adapter does not import."""

LINE = "E24"
EXIT = 2
SAYS = r"does not import"


def attack(box):
    box.write("broken.py", "raise RuntimeError('it is broken')\n")
    box.sparsecheck("run", "--adapter", "broken.py", "--requirement", "MASK-01", "--report", "out.jsonl")
    box.sparsecheck("report", "out.jsonl", "--junit", "out.xml", "--markdown", "out.md")
    box.require(box.junit_is_red(box.folder / "out.xml"), "JUnit has no failure and no error")
