"""Work longer than the time limit of a case, and swallow the exception of the limit."""

LINE = "A6"
EXIT = (1, 3)
SAYS = r"(longer than|over|exceed|limit|timeout|took)"
SLOW = True

ADAPTER = '''
import time

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Slow(ExemplarAdapter):
    def attach(self, model, plan, context):
        if context.example_input.dim() == 4:
            self.work()
        return super().attach(model, plan, context)

    def work(self):
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            try:
                time.sleep(0.05)
            except BaseException:
                pass
'''


def attack(box):
    box.write("slow.py", ADAPTER)
    cell = "slow:MASK-01/conv2d/given/float32/cpu"
    box.sparsecheck("run", "--adapter", "slow.py", "--cell", cell, "--case-limit", "1")
