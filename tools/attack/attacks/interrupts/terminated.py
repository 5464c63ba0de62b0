"""Terminate the run (SIGTERM) while a sparsifier is judged that ignores the signal."""

import os
import signal

from tools.attack.box import SLEEPER

LINE = "D18"
EXIT = (3, 143, -15)
SAYS = r"SIGTERM"
SLOW = True


def attack(box):
    box.write("one.py", "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPER)
    started = box.start("run", "--adapter", "one.py", "--requirement", "MASK-01", "--report", "out.jsonl")
    box.wait_for("asleep")
    os.killpg(started.pid, signal.SIGTERM)
    box.wait(started, 10.0)
    box.require_nobody_blamed(box.folder / "out.jsonl")
