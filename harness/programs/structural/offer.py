"""The networks that a structural sparsifier takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from ...values.capability import Support
from ...values.declaration import Declaration
from ...values.program import Dtype, LayerKind
from ...values.violation import Violation
from ..computing import is_computed
from ..offer import Offer

FORMS = (
    "plain", "norm", "skip", "fanout", "concat", "depthwise", "transposed", "pool", "layernorm", "groupnorm", "grouped",
    "flatten",
)
"""What can be offered for a kind of layer, in the order in which it is tried."""


OF_CONVOLUTIONS = ("depthwise", "transposed", "pool", "grouped", "flatten")
"""What can follow convolutions alone."""

OF_FEATURES = ("layernorm",)
"""What can follow linear layers alone, since torch normalizes the last dimensions."""


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
        supported = Offer(self.declaration, {}, {}).dtypes
        kinds = cast(tuple[LayerKind, ...], (*self.patterns, "batchnorm"))
        return tuple(one for one in supported if all(is_computed(one, kind) for kind in kinds)) or supported
