"""Write the report of a run onto the adapter file."""

from tools.attack.box import CELLS

LINE = "D17"
EXIT = 2
SAYS = r"(same|input|read|overwrit|own|adapter)"


def attack(box):
    box.report()
    adapter = box.folder / "green_adapter.py"
    box.expect_unchanged(adapter)
    box.sparsecheck("run", "--adapter", adapter.name, *CELLS, "--report", adapter.name)
