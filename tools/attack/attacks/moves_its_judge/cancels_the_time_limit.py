"""Cancel the alarm that the time limit of a case is made with, and work longer than the limit."""

LINE = "A6"
EXIT = (1, 3)
SAYS = r"(longer than|over|exceed|limit|timeout|took|alarm|timer|signal)"
SLOW = True

ADAPTER = '''
import signal
import time

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Slow(ExemplarAdapter):
    def attach(self, model, plan, context):
        if context.example_input.dim() == 4:
            self.work()
        return super().attach(model, plan, context)

    def work(self):
        signal.setitimer(signal.ITIMER_REAL, 0)
        time.sleep(1.5)
'''


def attack(box):
    box.write("slow.py", ADAPTER)
    cell = "slow:MASK-01/conv2d/given/float32/cpu"
    box.sparsecheck("run", "--adapter", "slow.py", "--cell", cell, "--case-limit", "1")
