"""Read the JUnit file of a run in which nothing passed: every cell was unavailable."""

LINE = "E24"
EXIT = 1
SAYS = r"nothing"


def attack(box):
    box.report()
    cell = "green-adapter:MASK-01/linear/given/float32/cuda"
    options = ("--adapter", "green_adapter.py", "--cell", cell, "--report", "out.jsonl")
    box.sparsecheck("run", *options)
    box.sparsecheck("report", "out.jsonl", "--junit", "out.xml")
    box.require(box.junit_is_red(box.folder / "out.xml"), "JUnit has no failure and no error")
