"""Declare one contract at first, and what the sparsifier really does from the third time on that it is read."""

import msgspec

from sparsecheck.adapter.shipped.exemplar import CONTRACT, ExemplarAdapter

LINE = "A2"
EXIT = (1, 2, 3)
JUDGED = "--requirement MASK-05 --requirement MASK-07"
SAYS = r"count-differs|(contract|declaration|declares?).*(chang|another|differ)|chang.*(contract|declaration)"

CEILED = msgspec.structs.replace(CONTRACT, rounding="ceil")


class ContractThatChanges(ExemplarAdapter):
    reads = 0

    @property
    def contract(self):
        self.reads += 1
        return CONTRACT if self.reads <= 2 else CEILED

    def attach(self, model, plan, context):
        return self.sparsified(model, plan, CEILED)
