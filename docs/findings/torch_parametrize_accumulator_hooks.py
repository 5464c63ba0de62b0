"""torch.nn.utils.parametrize: hooks on a gradient accumulator, such as DistributedDataParallel's, no longer run.

register_parametrization and remove_parametrizations call `set_` on the parameter, which gives it a new accumulator.
"""

import sys

import torch
from torch import nn
from torch.nn.utils import parametrize

layer, ran = nn.Linear(2, 2), []
accumulator = layer.weight.expand_as(layer.weight).grad_fn.next_functions[0][0]
accumulator.register_hook(lambda *_: ran.append("the hook"))
parametrize.register_parametrization(layer, "weight", nn.Identity())
layer(torch.ones(1, 2)).sum().backward()
print(f"expected: ['the hook'], since the parameter is still the same object\nseen: {ran}")
sys.exit(ran != ["the hook"])
