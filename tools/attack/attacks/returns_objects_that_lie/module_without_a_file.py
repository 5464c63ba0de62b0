"""Raise from code that has no file, in a class whose module is gone from sys.modules."""

import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "D23"
EXIT = (1, 2)
SAYS = r"it is wrong|file|module"


class ModuleWithoutAFile(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv" in str(model):
            exec("raise RuntimeError('it is wrong')", {"__name__": "nowhere"})
        return super().attach(model, plan, context)


del sys.modules[__name__].__file__
sys.modules[__name__].__spec__.origin = None
ModuleWithoutAFile.__module__ = "sparsecheck_adapter_hostile"
