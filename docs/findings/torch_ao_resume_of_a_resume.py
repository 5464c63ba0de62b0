"""torch.ao.pruning: a resumed run that is saved and resumed again is dense.

`BaseSparsifier.load_state_dict` pops the masks out of the state that it is given, and the loaded sparsifier never has
masks in its own state dict again. What a resumed run saves holds no mask, and whoever resumes from that gets masks of
ones, with no error.
"""

import sys

from torch import nn
from torch.ao.pruning import WeightNormSparsifier

state, removed = {}, []
for state_is_loaded in (False, True, True):  # the run, its resume, and the resume of that
    model = nn.Sequential(nn.Linear(8, 8, bias=False))
    sparsifier = WeightNormSparsifier(sparsity_level=0.5, sparse_block_shape=(1, 1), zeros_per_block=1)
    sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}])
    if state_is_loaded:
        sparsifier.load_state_dict(state)
    else:
        sparsifier.step()
    state = sparsifier.state_dict()
    removed.append(int((model[0].weight == 0).sum()))
print(f"expected: 32 of 64 entries removed in the run, in its resume, and in the resume of that\nseen: {removed}")
sys.exit(removed != [32, 32, 32])
