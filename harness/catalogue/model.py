"""Area MODEL: small real networks, trained on real data, pruned, fine-tuned, resumed and deployed."""

from typing import Any

from ..values.requirement import LEVELLED_PATTERN, Requirement
from .axes import MODELS

_REAL: dict[str, Any] = {"level": "extended", "since": 4, "layers": tuple(MODELS), "patterns": (LEVELLED_PATTERN,)}
_HERE = ("cpu", "float32")
_SIZES = (("sizes", "multiples of 64"),)

REQUIREMENTS = (
    Requirement(
        id="MODEL-01", source="Zhu and Gupta 2017, To prune, or not to prune, section 3",
        sentence="While a trained network is pruned to 90 % and trained on, each update removes from every planned "
        "weight exactly the number of units that its level says.",
        needs=_HERE, unless=_SIZES, **_REAL,
    ),
    Requirement(
        id="MODEL-02", source="Han et al. 2015, Learning both weights and connections, section 3",
        sentence="While a trained network is pruned to 90 % and fine-tuned, forward uses zero for every removed entry, "
        "and every loss is finite.",
        needs=_HERE, unless=_SIZES, **_REAL,
    ),
    Requirement(
        id="MODEL-03", source="torch docs, Saving and loading a general checkpoint",
        sentence="A trained network that is saved while it is pruned, resumed in a fresh interpreter and fine-tuned "
        "ends as the uninterrupted one does, bit for bit.",
        needs=(*_HERE, "restore"), unless=(*_SIZES, ("mask_storage", "nowhere")), **_REAL,
    ),
    Requirement(
        id="MODEL-04", source="torch docs, Pruning tutorial, remove: making pruning permanent",
        sentence="A trained network that was pruned, fine-tuned and finalized has zeros where entries were removed, "
        "and the sparse model's output for new data.",
        needs=(*_HERE, "finalize"), unless=_SIZES, **_REAL,
    ),
)
