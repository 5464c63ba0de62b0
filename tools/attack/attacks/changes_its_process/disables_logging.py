"""Disable all logging."""

import logging

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"logging"


class DisablesLogging(ExemplarAdapter):
    def attach(self, model, plan, context):
        logging.disable(logging.CRITICAL)
        return super().attach(model, plan, context)
