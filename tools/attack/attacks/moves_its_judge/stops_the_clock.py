"""Stop the clocks of Python, work longer than the time limit of a case, and swallow the exception of the limit."""

LINE = "A6"
EXIT = (1, 3)
SAYS = r"(longer than|over|exceed|limit|timeout|took|clock|time\.\w+)"
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
        clock, start = time.monotonic, time.monotonic()
        time.perf_counter = time.monotonic = time.time = lambda: start
        while clock() < start + 1.5:
            try:
                time.sleep(0.05)
            except BaseException:
                pass
'''


def attack(box):
    box.write("slow.py", ADAPTER)
    cell = "slow:MASK-01/conv2d/given/float32/cpu"
    box.sparsecheck("run", "--adapter", "slow.py", "--cell", cell, "--case-limit", "1")
