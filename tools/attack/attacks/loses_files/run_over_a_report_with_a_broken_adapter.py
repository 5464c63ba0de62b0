"""Run over an earlier whole report with an adapter that does not import: the earlier report must still be somewhere."""

import hashlib

LINE = "D17"
EXIT = 2
SAYS = r"does not import|SyntaxError|it is broken"


def attack(box):
    report = box.report("green", "out.jsonl")
    before = hashlib.sha256(report.read_bytes()).digest()
    (box.folder / "green_adapter.py").write_text("raise RuntimeError('it is broken')\n", "utf-8")
    box.sparsecheck("run", "--adapter", "green_adapter.py", "--requirement", "MASK-01", "--report", report)
    kept = [hashlib.sha256(one.read_bytes()).digest() for one in box.folder.rglob("*") if one.is_file()]
    box.require(before in kept, "the earlier report is gone")
