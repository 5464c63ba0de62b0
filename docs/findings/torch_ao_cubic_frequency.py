"""torch.ao.pruning: CubicSL changes the level at every step, whatever delta_t, "used to control how often", says.

With delta_t=5 the level should change at steps 0, 5 and 10, as in Zhu and Gupta, 2017.
"""

import sys
import warnings

from torch import nn
from torch.ao.pruning import CubicSL, WeightNormSparsifier

warnings.simplefilter("ignore")
model = nn.Sequential(nn.Linear(4, 4))
sparsifier = WeightNormSparsifier(sparsity_level=0.8)
sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}])
scheduler = CubicSL(sparsifier, init_sl=0.0, init_t=0, delta_t=5, total_t=2)
seen = []
for _ in range(11):
    sparsifier.step()
    seen.append(round(float(scheduler.get_last_sl()[0]), 2))
    scheduler.step()
print(f"expected: {[0.0] * 5 + [0.7] * 5 + [0.8]}\nseen: {seen}")
sys.exit(seen != [0.0] * 5 + [0.7] * 5 + [0.8])
