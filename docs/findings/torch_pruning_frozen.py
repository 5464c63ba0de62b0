"""torch-pruning: a frozen model is not pruned, and nothing says so.

Layers are found along grad_fn, which no output of a layer has if neither it nor what is before it asks for gradients.
"""

import sys

import torch
import torch_pruning
from torch import nn

model, inputs = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), torch.rand(3, 4)
model.requires_grad_(False)
pruner = torch_pruning.pruner.MagnitudePruner(
    model, inputs, torch_pruning.importance.MagnitudeImportance(p=1), pruning_ratio=0.5, ignored_layers=[model[2]]
)
pruner.step()
print(f"expected: 4 of 8 channels, or an error\nseen: {model[0].out_features} of 8 channels")
sys.exit(model[0].out_features != 4)
