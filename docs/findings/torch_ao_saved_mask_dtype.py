"""torch.ao.pruning: a restored sparsifier gives the weight the dtype from before a cast.

`prepare` keeps a second mask in BaseSparsifier.state. A cast of the model does not reach it, and load_state_dict puts
it into the layer: FakeSparsity multiplies a float16 weight by a float64 mask.
"""

import sys

import torch
from torch import nn
from torch.ao.pruning import WeightNormSparsifier

masks = [{"tensor_fqn": "0.weight"}]
cast, saved = nn.Sequential(nn.Linear(8, 8)).double(), WeightNormSparsifier(sparse_block_shape=(1, 1))
saved.prepare(cast, masks)
cast.half()
saved.step()
model, restored = nn.Sequential(nn.Linear(8, 8)).half(), WeightNormSparsifier(sparse_block_shape=(1, 1))
restored.prepare(model, masks)
restored.load_state_dict(saved.state_dict())
print(f"expected: a weight of torch.float16 in forward\nseen: {model[0].weight.dtype}")
sys.exit(model[0].weight.dtype != torch.float16)
