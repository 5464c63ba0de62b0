"""The networks that a structural sparsifier takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from ...values.capability import Support
from ...values.declaration import Declaration
from ...values.network import FACTOR
from ...values.program import Dtype, LayerKind
from ...values.violation import Violation
from ..computing import is_computed
from ..offer import Offer

FORMS = (
    "plain", "norm", "skip", "fanout", "concat", "depthwise", "transposed", "pool", "layernorm", "groupnorm", "grouped",
    "flatten", "unshuffle", "shuffle", "view", "heads", "lstm", "units",
)
"""What can be offered for a kind of layer, in the order in which it is tried."""


OF_IMAGES = ("unshuffle", "shuffle")
"""What can follow convolutions of images alone."""

OF_CONVOLUTIONS = ("depthwise", "transposed", "pool", "grouped", "flatten", *OF_IMAGES)
"""What can follow convolutions alone."""

OF_SEQUENCES = ("heads", "lstm", "units")
"""What has sequences of features as inputs."""

OF_FEATURES = ("layernorm", "view", *OF_SEQUENCES)
"""What can follow linear layers alone: it takes features, in the last dimension."""

IN_SEQUENCES = ("plain", "skip", "fanout", "concat", "layernorm", *OF_SEQUENCES)
"""What a block of a network of sequences can be."""

TOGETHER = {"shuffle": FACTOR**2, "view": FACTOR**2, "heads": FACTOR}
"""How many neighbouring channels go together or not at all, by what follows them."""


@dataclass(frozen=True)
class StructuralOffer:
    """What a structural sparsifier takes.

    Attributes:
        declaration: Its declaration.
        patterns: By kind of layer, what may follow it; kinds that are not taken are left out.
        broken: By kind of layer and what follows, the violation of those that are neither refused nor carried out.
    """

    declaration: Declaration
    patterns: dict[str, tuple[str, ...]]
    broken: dict[tuple[str, str], Violation] = field(default_factory=dict)

    def has(self, capability: str) -> bool:
        """Return whether a capability is declared as supported."""
        return self.declaration.capabilities.support(capability) is Support.SUPPORTED

    @property
    def dtypes(self) -> tuple[Dtype, ...]:
        """Return the supported dtypes in which this torch trains such networks on the CPU; all if it does in none."""
        return self.dtypes_for()

    def dtypes_for(self, *kinds: str) -> tuple[Dtype, ...]:
        """Return the supported dtypes in which this torch also trains some other kinds of layers."""
        supported = Offer(self.declaration, {}, {}).dtypes
        needed = cast(tuple[LayerKind, ...], (*self.patterns, "batchnorm", *kinds))
        return tuple(one for one in supported if all(is_computed(one, kind) for kind in needed)) or supported
