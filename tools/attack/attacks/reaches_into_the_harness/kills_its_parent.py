"""Kill the process that watches it."""

LINE = "A10"
EXIT = (-9, 137)
COLD = True
SLOW = True
SAYS = "^"

ADAPTER = '''
import os
import signal

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Kills(ExemplarAdapter):
    def attach(self, model, plan, context):
        os.kill(os.getppid(), signal.SIGKILL)
        return super().attach(model, plan, context)
'''


def attack(box):
    box.write("left/kills.py", ADAPTER)
    box.sparsecheck("run", "--adapter", "left/kills.py", "--requirement", "MASK-01", "--report", "out.jsonl")
    box.require(not (box.folder / "out.jsonl").exists(), "there is a report")
