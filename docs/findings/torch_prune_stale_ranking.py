"""torch.nn.utils.prune: a second call ranks the weights of the last forward, not those that the optimizer left.

The pruned weight is an attribute that a hook sets before each forward. A pruning function that is called again ranks
that attribute: what an optimizer step has done to `weight_orig` since then is not seen, and the wrong entry goes.
"""

import sys

import torch
from torch import nn
from torch.nn.utils import prune

layer = nn.Linear(4, 1, bias=False)
with torch.no_grad():
    layer.weight.copy_(torch.tensor([[1.0, 2.0, 3.0, 4.0]]))
prune.l1_unstructured(layer, "weight", amount=1)
layer(torch.ones(1, 4))
with torch.no_grad():
    layer.weight_orig.copy_(torch.tensor([[1.0, 9.0, 0.5, 4.0]]))  # what a step of an optimizer does
prune.l1_unstructured(layer, "weight", amount=1)
print(f"expected: entries 0 and 2 removed, 2 being the smallest that is left\nseen: mask {layer.weight_mask.tolist()}")
sys.exit(layer.weight_mask.tolist() != [[0.0, 1.0, 0.0, 1.0]])
