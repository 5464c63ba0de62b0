"""Register a function that ends the process with code 0: the exit code of a child counts for nothing."""

import atexit
import os

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (0, 1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"


class RegistersAnExitFunction(ExemplarAdapter):
    def attach(self, model, plan, context):
        atexit.register(os._exit, 0)
        return super().attach(model, plan, context)
