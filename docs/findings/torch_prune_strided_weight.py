"""torch.nn.utils.prune: l1_unstructured breaks on a weight that is not contiguous.

`L1Unstructured.compute_mask` flattens the scores by `view`. A weight that was transposed, or loaded channels last,
cannot be pruned.
"""

import sys

import torch
from torch import nn
from torch.nn.utils import prune

layer = nn.Linear(6, 4, bias=False)
layer.weight = nn.Parameter(torch.randn(6, 4).t())
try:
    prune.l1_unstructured(layer, "weight", amount=0.5)
    seen = int((layer.weight == 0).sum())
except RuntimeError as error:
    seen = f"RuntimeError: {error}"
print(f"expected: 12\nseen: {seen}")
sys.exit(seen != 12)
