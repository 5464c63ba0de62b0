"""nncf: torch.func.functional_call on a pruned model runs it with dense weights.

A weight is masked where a function takes an nn.Parameter, and functional_call puts plain tensors in their place.
"""

import sys

import nncf
import nncf.torch
import torch
from torch import nn
from torch.func import functional_call

encoder = nn.TransformerEncoderLayer(8, 1, 8)  # a model that is no nn.Sequential
inputs = torch.rand(2, 8, generator=torch.manual_seed(1))
model = nncf.prune(encoder.eval(), nncf.PruneMode.UNSTRUCTURED_MAGNITUDE_LOCAL, ratio=0.9, examples_inputs=inputs)
model.train().dropout.p = model.dropout1.p = model.dropout2.p = model.self_attn.dropout = 0.0
with torch.no_grad():
    expected = model(inputs)
    seen = functional_call(model, {name: one.detach() for name, one in model.named_parameters()}, (inputs,))
off = float((seen - expected).abs().max())
print(f"expected: the output of the model\nseen: an output that is off by up to {off:.3f}")
sys.exit(off > 1e-5)
