"""Change the adapter file, and resume the finished green report."""

from tools.attack.box import CELLS, FLIPS

LINE = "B11"
EXIT = (1, 2)
SAYS = r"mask-differs|differs|adapter file|code|hash|fingerprint"


def attack(box):
    report = box.report("green", "out.jsonl")
    adapter = box.folder / "green_adapter.py"
    adapter.write_text(adapter.read_text("utf-8").replace("pass\n", FLIPS), "utf-8")
    box.sparsecheck("run", "--adapter", adapter.name, *CELLS, "--report", report, "--resume")
