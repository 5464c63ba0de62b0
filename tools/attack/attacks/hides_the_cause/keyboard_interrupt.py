"""Raise KeyboardInterrupt: the run is interrupted, and the machine is not to blame."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "F1"
EXIT = 3
JUDGED = "--requirement MASK-01"
SAYS = r"KeyboardInterrupt"
NEVER = r"on this machine"


class Interrupts(ExemplarAdapter):
    def attach(self, model, plan, context):
        raise KeyboardInterrupt
