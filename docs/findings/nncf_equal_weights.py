"""nncf: of weights that are equal, magnitude pruning removes all, whatever the ratio.

`update_pruning_ratio` takes a threshold from the sorted scores and keeps what is strictly above it: entries that equal
the threshold all go. A layer initialised to a constant, or one of few distinct values, loses far more than was asked.
"""

import sys

import nncf
import torch
from torch import nn

layer = nn.Linear(8, 8, bias=False)
nn.init.constant_(layer.weight, 0.1)
model = nncf.prune(layer, nncf.PruneMode.UNSTRUCTURED_MAGNITUDE_LOCAL, ratio=0.25, examples_inputs=torch.ones(1, 8))
[mask] = [value for name, value in model.state_dict().items() if name.endswith("binary_mask")]
print(f"expected: 16 of 64 entries removed\nseen: {int((~mask).sum())}")
sys.exit(int((~mask).sum()) != 16)
