"""torch.ao.pruning: a partial block at the edge of a weight outranks a whole block of a larger norm.

`_make_tensor_mask` ranks blocks by avg_pool2d with ceil_mode, which divides the sum of a partial block by the number of
its own entries, not by the size of a block.
"""

import sys

import torch
from torch import nn
from torch.ao.pruning import WeightNormSparsifier

model = nn.Sequential(nn.Linear(5, 1, bias=False))
model[0].weight.data = torch.tensor([[1.0, 1.0, 1.0, 1.0, 2.0]])  # a block of norm 4, and one of norm 2
sparsifier = WeightNormSparsifier(sparsity_level=0.5, sparse_block_shape=(1, 4), zeros_per_block=4, norm=1)
sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}])
sparsifier.step()
print(f"expected: [[1.0, 1.0, 1.0, 1.0, 0.0]]\nseen: {model[0].weight.tolist()}")
sys.exit(model[0].weight.tolist() != [[1.0, 1.0, 1.0, 1.0, 0.0]])
