"""torch-pruning: building a pruner leaves the model in eval mode.

DependencyGraph.build_dependency calls model.eval() to trace the model, and does not put it back: whoever goes on
training does so without dropout, and batch normalization learns no statistics.
"""

import sys

import torch
import torch_pruning
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(), nn.Linear(8, 2)).train()
torch_pruning.pruner.MagnitudePruner(
    model, torch.zeros(1, 4), importance=torch_pruning.importance.MagnitudeImportance(), pruning_ratio=0.5
)
print(f"expected: training is True, as before\nseen: training is {model.training}, of the dropout {model[1].training}")
sys.exit(not (model.training and model[1].training))
