"""torch.ao.pruning: a layer that was replaced after prepare stays dense, and step does not say so.

`BaseSparsifier.groups` keeps the modules of prepare, and step masks these.
"""

import sys

from torch import nn
from torch.ao.pruning import WeightNormSparsifier

model = nn.Sequential(nn.Linear(8, 8, bias=False))
sparsifier = WeightNormSparsifier(sparsity_level=0.5, sparse_block_shape=(1, 1), zeros_per_block=1)
sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}])
sparsifier.step()
model[0] = nn.Linear(8, 8, bias=False)
sparsifier.step()
zeros = int((model[0].weight == 0).sum())
print(f"expected: 32 of 64 zeros, or an error\nseen: {zeros} of 64 zeros")
sys.exit(zeros != 32)
