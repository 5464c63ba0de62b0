"""torch-pruning: a frozen parameter asks for gradients once it is pruned.

What is left of it is wrapped in a new nn.Parameter, which requires gradients whether the old one did or not: a layer
that was frozen for fine-tuning is trained.
"""

import sys

import torch
import torch_pruning
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
model[0].weight.requires_grad_(False)
pruner = torch_pruning.pruner.MagnitudePruner(
    model, torch.zeros(1, 4), importance=torch_pruning.importance.MagnitudeImportance(), pruning_ratio=0.5,
    ignored_layers=[model[2]],
)
pruner.step()
thawed = model[0].weight.requires_grad
print(f"expected: no gradients are asked for the first weight\nseen: requires_grad is {thawed}")
sys.exit(thawed)
