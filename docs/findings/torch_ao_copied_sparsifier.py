"""torch.ao.pruning: a sparsifier that was copied or pickled cannot step.

`BaseSparsifier.__getstate__` leaves out `enable_mask_update`, and `__setstate__` does not set it.
"""

import copy
import sys

from torch import nn
from torch.ao.pruning import WeightNormSparsifier

model = nn.Sequential(nn.Linear(8, 8, bias=False))
sparsifier = WeightNormSparsifier(sparsity_level=0.5, sparse_block_shape=(1, 1), zeros_per_block=1)
sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}])
try:
    copy.deepcopy(sparsifier).step()
    seen = "no error"
except AttributeError as error:
    seen = f"AttributeError: {error}"
print(f"expected: the copy steps\nseen: {seen}")
sys.exit(seen != "no error")
