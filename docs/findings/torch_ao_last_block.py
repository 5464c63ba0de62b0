"""torch.ao.pruning: WeightNormSparsifier never removes the last block, so that a weight with one block stays dense.

`_make_tensor_mask` limits the number of removed blocks to one less than there are. A level that rounds to all blocks
leaves one of them; only a level of exactly 1 removes it.
"""

import sys

from torch import nn
from torch.ao.pruning import WeightNormSparsifier

model = nn.Sequential(nn.Linear(4, 4, bias=False))
sparsifier = WeightNormSparsifier(sparsity_level=0.99, sparse_block_shape=(4, 4), zeros_per_block=16)
sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}])
sparsifier.step()
removed = int((model[0].weight == 0).sum())
print(f"expected: 16 of 16 entries removed, since a level of 0.99 of one block is one block\nseen: {removed}")
sys.exit(removed != 16)
