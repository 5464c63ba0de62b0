"""Write the report of a shard onto the report with the durations."""

from tools.attack.box import CELLS

LINE = "D17"
EXIT = 2
SAYS = r"(same|input|read|overwrit|own|durations)"


def attack(box):
    report = box.report()
    box.expect_unchanged(report)
    shard = ("--shard", "1/2", "--durations", report, "--report", report)
    box.sparsecheck("run", "--adapter", "green_adapter.py", *CELLS, *shard)
