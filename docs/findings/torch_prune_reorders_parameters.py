"""torch.nn.utils.prune: remove puts the weight behind the bias, so that an optimizer state is loaded onto the other.

The state of an optimizer is by position. A state that was saved with the dense model gives the bias the momentum of the
weight.
"""

import sys

import torch
from torch import nn
from torch.nn.utils import prune

layer = nn.Linear(2, 2)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
layer(torch.ones(1, 2)).sum().backward()
optimizer.step()
prune.remove(prune.l1_unstructured(layer, "weight", amount=1), "weight")
after = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
after.load_state_dict(optimizer.state_dict())
shape = tuple(after.state[layer.weight]["momentum_buffer"].shape)
print(f"expected: the weight has a momentum of shape (2, 2)\nseen: {shape}")
sys.exit(shape != (2, 2))
