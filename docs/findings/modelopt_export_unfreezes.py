"""nvidia-modelopt: export makes a frozen weight trainable.

`mts.export` replaces every sparse weight by a new Parameter, which asks for gradients whatever the weight did before.
"""

import sys

import modelopt.torch.sparsity as mts
from torch import nn

model = nn.Sequential(nn.Linear(16, 16, bias=False))
model.requires_grad_(False)
mts.sparsify(model, "sparse_magnitude")
model = mts.export(model)
print(f"expected: requires_grad is False, as before\nseen: {model[0].weight.requires_grad}")
sys.exit(model[0].weight.requires_grad)
