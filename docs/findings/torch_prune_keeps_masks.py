"""torch.nn.utils.prune: global_unstructured keeps a mask of each tensor for every pruning, and never uses it again.

`PruningContainer` keeps all methods, and `CustomFromMask` the mask that it was made from.
"""

import sys

from torch import nn
from torch.nn.utils import prune

layer, held = nn.Linear(8, 8, bias=False), []
for _ in range(4):
    prune.global_unstructured([(layer, "weight")], prune.L1Unstructured, amount=0.1)
    [hook] = layer._forward_pre_hooks.values()
    methods = hook if isinstance(hook, prune.PruningContainer) else [hook]
    held.append(sum(hasattr(method, "mask") for method in methods))
print(f"expected: at most 1 mask beside weight_mask\nseen: {', '.join(map(str, held))} masks after four prunings")
sys.exit(max(held) > 1)
