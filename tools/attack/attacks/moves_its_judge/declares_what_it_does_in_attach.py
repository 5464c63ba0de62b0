"""Set the contract, in attach, to what the sparsifier really does: levels are rounded up."""

import msgspec

from sparsecheck.adapter.shipped.exemplar import CONTRACT, ExemplarAdapter

LINE = "A2"
EXIT = (1, 2, 3)
JUDGED = "--requirement MASK-05 --requirement MASK-07"
SAYS = r"count-differs|(contract|declaration|declares?).*chang|chang.*(contract|declaration)"


class DeclaresWhatItDoes(ExemplarAdapter):
    def attach(self, model, plan, context):
        self.contract = msgspec.structs.replace(CONTRACT, rounding="ceil")
        return super().attach(model, plan, context)
