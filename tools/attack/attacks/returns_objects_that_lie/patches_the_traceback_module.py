"""Replace traceback.extract_tb, with which the place of an error is found, by one that raises."""

import traceback

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "D23"
EXIT = (1, 3)
SAYS = r"traceback\.extract_tb|extract_tb|it is wrong"


def extract_tb(*args, **kwargs):
    raise RuntimeError("no traceback")


class PatchesTheTracebackModule(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv" in str(model):
            traceback.extract_tb = extract_tb
            raise RuntimeError("it is wrong")
        return super().attach(model, plan, context)
