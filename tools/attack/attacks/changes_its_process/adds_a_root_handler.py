"""Add a handler to the root logger."""

import logging

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"logg|handler"


class AddsARootHandler(ExemplarAdapter):
    def attach(self, model, plan, context):
        logging.getLogger().addHandler(logging.NullHandler())
        return super().attach(model, plan, context)
