"""nncf: strip in place freezes the weights that were pruned.

`nncf.strip(..., strip_format=IN_PLACE)` sets `requires_grad` to False on every weight it writes zeros into, and leaves
its empty HookStorage in the model: what comes out does not go on training, and is not the dense model's build.
(It also imports torchao, which nncf does not ask for.)
"""

import sys

import nncf
import torch
from torch import nn

inputs = torch.ones(1, 8)
layer = nn.Linear(8, 8, bias=False)
model = nncf.prune(layer, nncf.PruneMode.UNSTRUCTURED_MAGNITUDE_LOCAL, ratio=0.5, examples_inputs=inputs)
plain = nncf.strip(model, strip_format=nncf.StripFormat.IN_PLACE, example_input=inputs)
seen = plain.weight.requires_grad, [name for name, _ in plain.named_children()]
print(f"expected: requires_grad True, children []\nseen: requires_grad {seen[0]}, children {seen[1]}")
sys.exit(seen != (True, []))
