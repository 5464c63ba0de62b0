"""torch-pruning: behind a pixel unshuffle, the next layer keeps the inputs that are gone.

A PixelUnshuffle makes four channels of each; of the next layer's inputs only one goes for each channel.
"""

import sys

import torch
import torch_pruning
from torch import nn

model = nn.Sequential(nn.Conv2d(4, 8, 1), nn.PixelUnshuffle(2), nn.Conv2d(32, 3, 1))
inputs = torch.rand(3, 4, 4, 4)
pruner = torch_pruning.pruner.MagnitudePruner(
    model, inputs, torch_pruning.importance.MagnitudeImportance(p=1), pruning_ratio=0.5, ignored_layers=[model[2]]
)
pruner.step()
given, taken = 4 * model[0].out_channels, model[2].in_channels
print(f"expected: the last layer takes {given} channels\nseen: it takes {taken}")
sys.exit(given != taken)
