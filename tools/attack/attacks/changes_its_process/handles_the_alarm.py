"""Install a handler of SIGALRM, by which the time limit of a case comes."""

import signal

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"signal|SIGALRM|alarm"


class HandlesTheAlarm(ExemplarAdapter):
    def attach(self, model, plan, context):
        signal.signal(signal.SIGALRM, lambda *args: None)
        return super().attach(model, plan, context)
