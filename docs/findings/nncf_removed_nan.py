"""nncf: a NaN that is removed is still NaN in forward.

The pruning mask is multiplied by the weight, and zero times NaN or infinity is NaN.
"""

import sys

import nncf
import torch
from torch import nn

layer = nn.Linear(4, 1, bias=False)
layer.weight.data = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
model = nncf.prune(layer, nncf.PruneMode.UNSTRUCTURED_MAGNITUDE_LOCAL, ratio=0.5, examples_inputs=torch.ones(1, 4))
model.weight.data[0, 0] = torch.nan  # a removed entry
seen = model(torch.ones(1, 4)).item()
print(f"expected: an output of at most 7.0\nseen: {seen}")
sys.exit(seen != seen)
