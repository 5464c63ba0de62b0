"""nvidia-modelopt: sparsify fails for a user who has set another default dtype.

`compute_valid_1d_patterns` makes the 2:4 patterns in the default dtype, and `mn_1d_best` multiplies them by float32
magnitudes.
"""

import sys

import modelopt.torch.sparsity as mts
import torch
from torch import nn

model = nn.Sequential(nn.Linear(16, 16, bias=False))
torch.set_default_dtype(torch.float64)
try:
    mts.sparsify(model, "sparse_magnitude")
    seen = f"{int((model[0].weight == 0).sum())} of 256 entries removed"
except RuntimeError as error:
    seen = f"RuntimeError: {error}"
print(f"expected: 128 of 256 entries removed\nseen: {seen}")
sys.exit(not seen.startswith("128"))
