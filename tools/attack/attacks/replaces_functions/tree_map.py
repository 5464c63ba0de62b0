"""Replace the function by which torch maps over nested values."""

import torch.utils._pytree

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "F1"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19"
SAYS = r"tree_map"


class Replaces(ExemplarAdapter):
    def attach(self, model, plan, context):
        original = torch.utils._pytree.tree_map
        torch.utils._pytree.tree_map = lambda *arguments, **more: original(*arguments, **more)
        return super().attach(model, plan, context)
