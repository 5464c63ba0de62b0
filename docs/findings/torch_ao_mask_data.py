"""torch.ao.pruning: a step between forward and backward gives kept entries the gradients of the new mask.

WeightNormSparsifier.step assigns `mask.data`, which autograd does not see, and backward uses the mask that it has kept.
"""

import sys
import warnings

import torch
from torch import nn
from torch.ao.pruning import WeightNormSparsifier

warnings.simplefilter("ignore")
model = nn.Sequential(nn.Linear(4, 1, bias=False))
sparsifier = WeightNormSparsifier(sparsity_level=0.5, sparse_block_shape=(1, 1), zeros_per_block=1)
sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}])
output = model(torch.ones(1, 4))
sparsifier.step()
output.sum().backward()
seen = model[0].parametrizations.weight.original.grad.tolist()
print(f"expected: [[1.0, 1.0, 1.0, 1.0]], since the forward used all four entries, or an error\nseen: {seen}")
sys.exit(seen != [[1.0, 1.0, 1.0, 1.0]])
