"""Put a module of its own in the place of one of the harness in sys.modules."""

import sys
import types

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A10"
EXIT = (1, 3)
SAYS = r"sparsecheck\.oracle\.compare|replaced"


class SwapsAModule(ExemplarAdapter):
    def attach(self, model, plan, context):
        sys.modules["sparsecheck.oracle.compare"] = types.ModuleType("sparsecheck.oracle.compare")
        return super().attach(model, plan, context)
