"""nncf: a ratio of 0 removes an entry.

The threshold is the (1 + int((count - 1) * ratio))-th smallest score, and what equals it is removed: never nothing.
"""

import sys

import nncf
import torch
from torch import nn

layer = nn.Linear(8, 8, bias=False)
model = nncf.prune(layer, nncf.PruneMode.UNSTRUCTURED_MAGNITUDE_LOCAL, ratio=0.0, examples_inputs=torch.ones(1, 8))
[mask] = [value for name, value in model.state_dict().items() if name.endswith("binary_mask")]
print(f"expected: 0 of 64 entries removed\nseen: {int((~mask).sum())}")
sys.exit(int((~mask).sum()) != 0)
