"""Redirect the report of the child with --pytest-args."""

LINE = "D23"
EXIT = (2, 3)
SAYS = r"report|pytest-args"


def attack(box):
    box.run("green", "--pytest-args", "--sparsecheck-report elsewhere.jsonl")
