"""nvidia-modelopt: in a group of four with an infinite entry, the infinite entry is removed.

`mn_1d_best` scores a pattern by a matrix product of magnitudes and zeros, in which infinity times zero is NaN.
"""

import sys

import modelopt.torch.sparsity as mts
import torch
from torch import nn

model = nn.Sequential(nn.Linear(16, 16, bias=False))
model[0].weight.data[0, :4] = torch.tensor([float("inf"), 1.0, 1.0, 1.0])
mts.sparsify(model, "sparse_magnitude")
mask = model[0]._weight_mask[0, :4].tolist()
print(f"expected: the infinite entry is one of the two that are kept\nseen: a mask of {mask}")
sys.exit(not mask[0])
