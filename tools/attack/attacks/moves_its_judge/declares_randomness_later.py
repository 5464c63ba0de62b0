"""Declare a random score in attach, which permits draws from the global random streams, and draw from them."""

import msgspec
import torch

from sparsecheck.adapter.shipped.exemplar import CONTRACT, ExemplarAdapter

LINE = "A2"
EXIT = (1, 2, 3)
JUDGED = "--requirement MASK-18 --requirement MASK-06"
SAYS = r"random|(contract|declaration|declares?).*chang|chang.*(contract|declaration)"


class DeclaresRandomness(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.rand(3)
        self.contract = msgspec.structs.replace(CONTRACT, score="random")
        return self.sparsified(model, plan, CONTRACT)
