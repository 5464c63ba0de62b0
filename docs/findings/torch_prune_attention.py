"""torch.nn.utils.prune: attention keeps the out_proj weight of the moment of pruning, whatever is trained or loaded.

nn.MultiheadAttention reads `out_proj.weight` and never calls `out_proj`, so that the forward pre-hook that computes
the weight from `weight_orig` and `weight_mask` does not run.
"""

import sys

import torch
from torch import nn
from torch.nn.utils import prune

attention = nn.MultiheadAttention(4, 1, bias=False)
prune.l1_unstructured(attention.out_proj, "weight", amount=0.25)
attention.out_proj.weight_orig.data.zero_()  # as an optimizer or load_state_dict writes to it
inputs = torch.ones(2, 1, 4)
largest = attention(inputs, inputs, inputs)[0].abs().max().item()
print(f"expected: an output of 0, since every weight of out_proj is 0\nseen: an output of up to {largest:g}")
sys.exit(largest != 0)
