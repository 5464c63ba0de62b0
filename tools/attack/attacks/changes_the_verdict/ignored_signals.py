"""Judge in a process that ignores SIGINT, SIGTERM, SIGPIPE and SIGCHLD, as `nohup` and some CI runners leave it."""

import sys

from tools.attack.box import CELLS, SPARSECHECK

LINE = "F1"
EXIT = 0

CODE = """
import os, signal, sys
for one in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD):
    signal.signal(one, signal.SIG_IGN)
os.execv(sys.executable, {command!r})
"""


def attack(box):
    box.report()
    options = ["run", "--adapter", "green_adapter.py", *CELLS, "--report", "out.jsonl"]
    box.python(CODE.format(command=[sys.executable, str(SPARSECHECK), *options]))
