"""nvidia-modelopt: sparsify puts a layer that was kept in eval mode into train mode.

The searcher that `mts.sparsify` runs notes the flag of the whole model and sets every module to it afterwards. A
frozen BatchNorm or Dropout in a model that trains comes back training.
"""

import sys

import modelopt.torch.sparsity as mts
from torch import nn

model = nn.Sequential(nn.Linear(16, 16), nn.BatchNorm1d(16), nn.Linear(16, 16))
model[1].eval()
mts.sparsify(model, "sparse_magnitude")
print(f"expected: BatchNorm1d.training False, as before\nseen: {model[1].training}")
sys.exit(model[1].training)
