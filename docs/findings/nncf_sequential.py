"""nncf: no model that is an nn.Sequential can be pruned.

nncf hangs its HookStorage into the model as a submodule, `__nncf_hooks`. An nn.Sequential runs every submodule it has,
and HookStorage has no forward.
"""

import sys

import nncf
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
try:
    nncf.prune(model, nncf.PruneMode.UNSTRUCTURED_MAGNITUDE_LOCAL, ratio=0.5, examples_inputs=torch.ones(1, 8))
    seen = "a pruned model"
except NotImplementedError as error:
    seen = f"NotImplementedError: {error}"
print(f"expected: a pruned model\nseen: {seen}")
sys.exit(seen != "a pruned model")
