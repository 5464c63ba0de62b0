"""torch.nn.utils.prune: a NaN that is removed is still NaN in forward.

`apply_mask` multiplies by the mask, and zero times NaN or infinity is NaN. So is zero times a gradient that is not
finite, which the optimizer then writes into the removed entries.
"""

import sys

import torch
from torch import nn
from torch.nn.utils import prune

layer = nn.Linear(2, 1, bias=False)
layer.weight.data = torch.tensor([[float("nan"), 1.0]])
prune.custom_from_mask(layer, "weight", torch.tensor([[0.0, 1.0]]))
seen = layer(torch.ones(1, 2)).item()
print(f"expected: an output of 1.0\nseen: {seen}")
sys.exit(seen != 1.0)
