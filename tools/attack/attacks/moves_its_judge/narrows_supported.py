"""Remove from `supported`, in attach, whatever the sparsifier cannot do."""

from sparsecheck.adapter.protocol import Refusal
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A2"
EXIT = (1, 2, 3)
JUDGED = "--requirement TRAIN-08 --requirement MASK-24"
SAYS = r"Refusal|update|(supported|capabilit|declaration|declares?).*chang|chang.*(supported|capabilit|declaration)"


class OnlyOnce(Exemplar):
    updated = False

    def update(self, level=None):
        if self.updated:
            raise Refusal(f"{self.plan.names[0]}: reupdate is not supported")
        self.updated = True
        super().update(level)


class NarrowsSupported(ExemplarAdapter):
    sparsified = OnlyOnce

    def attach(self, model, plan, context):
        self.supported = " ".join(one for one in type(self).supported.split() if one not in ("reupdate", "relevel"))
        self.unsupported = "reupdate relevel"
        return super().attach(model, plan, context)
