"""torch.nn.utils.prune: after a second pruning that was refused, the tensor can never be pruned again.

`BasePruningMethod.apply` removes the hook before it checks its arguments, and does not put it back.
"""

import sys

import torch
from torch import nn
from torch.nn.utils import prune

layer = nn.Linear(8, 8, bias=False)
prune.l1_unstructured(layer, "weight", amount=0.25)
try:
    prune.l1_unstructured(layer, "weight", amount=0.25, importance_scores=torch.rand(4, 4))
    seen = "no error in the second pruning"
except AssertionError:
    try:
        prune.l1_unstructured(layer, "weight", amount=0.25)
        seen = "the third pruning"
    except TypeError as error:
        seen = f"TypeError: {error}"
print(f"expected: after the second is refused, the third pruning\nseen: {seen}")
sys.exit(seen != "the third pruning")
