"""Write the report of a run onto the expectation file of the adapter."""

from tools.attack.box import CELLS

LINE = "D17"
EXIT = 2
SAYS = r"(same|input|read|overwrit|own|expectation)"


def attack(box):
    box.report("red")
    box.accept(box.folder / "red_adapter.py", "red.jsonl")
    expectations = box.folder / "red_adapter.expectations.toml"
    box.expect_unchanged(expectations)
    box.sparsecheck("run", "--adapter", "red_adapter.py", *CELLS, "--report", expectations.name)
