"""Press Ctrl-C in a run that writes over an earlier whole report: the earlier report must still be somewhere."""

import hashlib
import os
import signal

from tools.attack.box import SLEEPER

LINE = "D17"
EXIT = (3, 130, -2)
SAYS = r"interrupt"
SLOW = True


def attack(box):
    report = box.report("green", "out.jsonl")
    before = hashlib.sha256(report.read_bytes()).digest()
    box.write("one.py", SLEEPER)
    started = box.start("run", "--adapter", "one.py", "--requirement", "MASK-01", "--report", "out.jsonl")
    box.wait_for("asleep")
    os.killpg(started.pid, signal.SIGINT)
    box.wait(started, 10.0)
    kept = [hashlib.sha256(one.read_bytes()).digest() for one in box.folder.rglob("*") if one.is_file()]
    box.require(before in kept, "the earlier report is gone")
