"""Press Ctrl-C once, while two sparsifiers are judged."""

import os
import signal

from tools.attack.box import SLEEPER

LINE = "D18"
EXIT = (3, 130, -2)
SAYS = r"interrupt"
SLOW = True


def attack(box):
    for name in ("one", "two"):
        box.write(f"{name}.py", SLEEPER)
    adapters = ("--adapter", "one.py", "--adapter", "two.py", "-j", "2")
    started = box.start("run", *adapters, "--requirement", "MASK-01", "--report", "out.jsonl")
    box.wait_for("asleep")
    os.killpg(started.pid, signal.SIGINT)
    box.wait(started, 10.0)
    box.require_nobody_blamed(box.folder / "out.jsonl")
