"""Kill the parent process, which is the server that forks the sparsifiers, while an innocent one is judged."""

LINE = "B12"
EXIT = 3
SAYS = r"killer"
COLD = True
SLOW = True

KILLER = '''
import os
import signal

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Killer(ExemplarAdapter):
    def attach(self, model, plan, context):
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
'''

INNOCENT = '''
import time

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Innocent(ExemplarAdapter):
    def attach(self, model, plan, context):
        time.sleep(0.1)
        return super().attach(model, plan, context)
'''


def attack(box):
    box.write("killer.py", KILLER)
    box.write("innocent.py", INNOCENT)
    adapters = ("--adapter", "innocent.py", "--adapter", "killer.py", "-j", "2")
    box.sparsecheck("run", *adapters, "--requirement", "MASK-01", "--report", "out.jsonl")
    records = [line for line in box.lines(box.folder / "out.jsonl") if line.get("cell", "").startswith("innocent:")]
    box.require(records, "the innocent sparsifier was not judged")
    bad = [one for one in records if one["verdict"] not in ("passed", "unavailable")]
    box.require(not bad, f"the innocent sparsifier is blamed: {bad[:1]}")
