"""torch-pruning: a linear layer whose features a view makes channels of is not pruned, and nothing says so."""

import sys

import torch
import torch_pruning
from torch import nn


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.features, self.convolution = nn.Linear(4, 32), nn.Conv2d(8, 3, 1)

    def forward(self, inputs):
        return self.convolution(self.features(inputs).unflatten(1, (-1, 2, 2)))


model, importance = Decoder(), torch_pruning.importance.MagnitudeImportance(p=1)
ratios = {"pruning_ratio": 0.5, "ignored_layers": [model.convolution]}
torch_pruning.pruner.MagnitudePruner(model, torch.rand(3, 4), importance, **ratios).step()
print(f"expected: 16 of 32 features, or an error\nseen: {model.features.out_features} of 32 features")
sys.exit(model.features.out_features != 16)
