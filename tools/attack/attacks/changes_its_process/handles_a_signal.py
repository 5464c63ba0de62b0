"""Install a handler of SIGTERM."""

import signal

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"signal|SIGTERM"


class HandlesASignal(ExemplarAdapter):
    def attach(self, model, plan, context):
        signal.signal(signal.SIGTERM, lambda *args: None)
        return super().attach(model, plan, context)
