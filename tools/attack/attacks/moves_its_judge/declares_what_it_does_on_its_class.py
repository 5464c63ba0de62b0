"""Set the contract of the class, in attach, to what the sparsifier really does."""

import msgspec

from sparsecheck.adapter.shipped.exemplar import CONTRACT, ExemplarAdapter

LINE = "A2"
EXIT = (1, 2, 3)
JUDGED = "--requirement MASK-05 --requirement MASK-22"
SAYS = r"count-differs|kept-differs|(contract|declaration|declares?).*chang|chang.*(contract|declaration)"


class DeclaresWhatItDoes(ExemplarAdapter):
    def attach(self, model, plan, context):
        type(self).contract = msgspec.structs.replace(CONTRACT, rounding="floor", ties="any")
        return super().attach(model, plan, context)
