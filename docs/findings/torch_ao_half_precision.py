"""torch.ao.pruning: WeightNormSparsifier makes float32 masks for half-precision weights, which breaks the model.

`update_mask` builds its mask in float32 whatever the weight is, and the parametrization multiplies: the weight in use
becomes float32, and the layer fails on its own input.
"""

import sys

import torch
from torch import nn
from torch.ao.pruning import WeightNormSparsifier

model = nn.Sequential(nn.Linear(8, 8, bias=False)).to(torch.bfloat16)
sparsifier = WeightNormSparsifier(sparsity_level=0.5, sparse_block_shape=(1, 1), zeros_per_block=1)
sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}])
sparsifier.step()
print(f"expected: a weight of torch.bfloat16 in forward\nseen: {model[0].weight.dtype}")
sys.exit(model[0].weight.dtype != torch.bfloat16)
