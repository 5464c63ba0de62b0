"""nvidia-modelopt: a layer of a size that is not taken stays dense, with a warning and no error.

`mts.sparsify` passes over a weight whose outputs are no multiple of 8 or whose inputs are none of 16. The layer is
converted to a sparse one all the same, with a mask of ones; whoever does not read warnings ships a dense layer.
"""

import sys
import warnings

import modelopt.torch.sparsity as mts
from torch import nn

warnings.simplefilter("ignore")
model = nn.Sequential(nn.Linear(20, 12, bias=False))
try:
    mts.sparsify(model, "sparse_magnitude")
    seen = f"{type(model[0]).__name__} with {int((model[0].weight == 0).sum())} of 240 entries removed"
except ValueError as error:
    seen = f"ValueError: {error}"
print(f"expected: 120 of 240 entries removed, or an error that names the layer\nseen: {seen}")
sys.exit("120" not in seen and "Error" not in seen)
