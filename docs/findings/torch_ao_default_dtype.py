"""torch.ao.pruning: under another default dtype, WeightNormSparsifier changes the dtype of the weight.

`_make_tensor_mask` makes its mask with torch.ones in the default dtype, and FakeSparsity multiplies: a float32 weight
becomes float64 in forward, and the layer fails on its own input.
"""

import sys

import torch
from torch import nn
from torch.ao.pruning import WeightNormSparsifier

model = nn.Sequential(nn.Linear(8, 8, bias=False))
sparsifier = WeightNormSparsifier(sparsity_level=0.5, sparse_block_shape=(1, 1), zeros_per_block=1)
sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}])
torch.set_default_dtype(torch.float64)
sparsifier.step()
print(f"expected: a weight of torch.float32 in forward\nseen: {model[0].weight.dtype}")
sys.exit(model[0].weight.dtype != torch.float32)
