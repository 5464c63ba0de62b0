"""torch-pruning: the update of a planned LSTM breaks with an IndexError."""

import sys

import torch
import torch_pruning
from torch import nn


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(4, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, inputs):
        return self.head(self.lstm(inputs)[0])


model, ratios = Tagger(), {"importance": torch_pruning.importance.MagnitudeImportance(2, "first"), "pruning_ratio": 0.0}
ratios["pruning_ratio_dict"] = {model.lstm: 0.5}
try:
    torch_pruning.pruner.MagnitudePruner(model, torch.rand(3, 3, 4), **ratios).step()
except IndexError as error:
    print(f"expected: it is pruned\nseen: IndexError: {error}")
    sys.exit(1)
