"""torch.nn.utils.prune: after a further pruning, a user's forward pre-hook sees the weight of the last forward.

`BasePruningMethod.apply` registers its own hook anew, behind those that a user has registered since.
"""

import sys

import torch
from torch import nn
from torch.nn.utils import prune

layer, seen = nn.Linear(2, 2, bias=False), []
prune.l1_unstructured(layer, "weight", amount=0.25)
layer.register_forward_pre_hook(lambda module, _: seen.append(module.weight.detach().clone()))
prune.l1_unstructured(layer, "weight", amount=0.25)
with torch.no_grad():
    layer.weight_orig.mul_(2)
layer(torch.ones(1, 2))
off = float((seen[-1] - layer.weight.detach()).abs().max())
print(f"expected: the weight that this forward uses\nseen: one that is off by up to {off:.3f}")
sys.exit(off > 0)
