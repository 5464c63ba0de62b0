"""Press Ctrl-C right after the start."""

import os
import signal
import time

from tools.attack.box import SLEEPER

LINE = "D18"
EXIT = (3, 130, -2)
SAYS = r"interrupt|abort"
SLOW = True


def attack(box):
    box.write("one.py", SLEEPER)
    started = box.start("run", "--adapter", "one.py", "--requirement", "MASK-01", "--report", "out.jsonl")
    time.sleep(0.6)
    os.killpg(started.pid, signal.SIGINT)
    box.wait(started, 10.0)
