"""torch.ao.pruning: a resumed run that is saved and resumed again is dense.

`BaseSparsifier.load_state_dict` pops the masks out of the state that it is given, and the loaded sparsifier never has
masks in its own state dict again. What a resumed run saves holds no mask, and whoever resumes from that gets masks of
ones, with no error.
"""

import copy
import sys

import torch
from torch import nn
from torch.ao.pruning import WeightNormSparsifier


def prepared():
    model = nn.Sequential(nn.Linear(8, 8, bias=False))
    sparsifier = WeightNormSparsifier(sparsity_level=0.5, sparse_block_shape=(1, 1), zeros_per_block=1)
    sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}])
    return model, sparsifier


def resumed(state):
    model, sparsifier = prepared()
    sparsifier.load_state_dict(copy.deepcopy(state))
    return model, sparsifier


torch.manual_seed(0)
model, sparsifier = prepared()
sparsifier.step()
resume, resumed_sparsifier = resumed(sparsifier.state_dict())
resume_of_a_resume, _ = resumed(resumed_sparsifier.state_dict())
removed = [int((one[0].weight == 0).sum()) for one in (model, resume, resume_of_a_resume)]
print(f"expected: 32 of 64 entries removed in the run, in its resume, and in the resume of that\nseen: {removed}")
sys.exit(removed != [32, 32, 32])
