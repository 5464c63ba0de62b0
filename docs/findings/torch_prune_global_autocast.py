"""torch.nn.utils.prune: global_unstructured fails under autocast for a half-precision model.

It concatenates the weights in the caller's autocast region; on a CPU, autocast to bfloat16 refuses float16 there.
"""

import sys

import torch
from torch import nn
from torch.nn.utils import prune

model, seen = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)).half(), "pruned"
with torch.autocast("cpu", torch.bfloat16):
    try:
        prune.global_unstructured([(one, "weight") for one in model], prune.L1Unstructured, amount=0.5)
    except RuntimeError as error:
        seen = f"RuntimeError: {error}"
print(f"expected: pruned, as without autocast\nseen: {seen}")
sys.exit(seen != "pruned")
