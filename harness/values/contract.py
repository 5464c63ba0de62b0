"""The declared choices on which two correct sparsifiers may differ."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

Holds = Literal["parametrization", "buffer", "in place", "wrapper", "forward"]
Rounding = Literal["half-even", "half-up", "floor", "ceil"]
LevelBasis = Literal["dense", "remaining"]
Score = Literal["given", "magnitude-l1", "magnitude-l2", "position", "random", "opaque"]
MasksAt = Literal["attach", "update"]
Regrowth = Literal["monotone", "free"]
MaskStorage = Literal["model", "sidecar", "both", "nowhere"]
RestoresInto = Literal["attached", "dense", "whole model"]
Ragged = Literal["keep", "prune", "refuse"]
Ties = Literal["any", "lowest index", "highest index"]
Sizes = Literal["any", "multiples of 16", "multiples of 64"]


class InvalidContract(ValueError):
    """A contract with a clause that no one has defined."""


class Contract(Struct, frozen=True, kw_only=True):
    """Eleven clauses, all but `sizes` to be declared; a clause declared falsely is a failure.

    holds: where the mask sits: a `torch.nn.utils.parametrize` parametrization, as its buffer; a buffer
        `<name>_mask` with the dense weight in `<name>_orig` and a hook that multiplies; in place,
        the zeros in the parameter itself; a wrapper around model or layer; the model's own forward, replaced, which
        masks a weight on its way into an operation, so that a layer called by itself is dense.
    rounding: how level times count becomes a whole number; half-even is what `round` does, in Python and torch.
    level_basis: whether a level counts from the dense parameter or from what remains of it.
    score: what ranks the entries; for random and opaque only counts and shapes can be judged.
    masks_at: whether masks take hold at attach or at the first update.
    regrowth: whether an entry once removed may come back at a later update.
    mask_storage: where masks travel when a run is saved.
    restores_into: what restore builds on: `attach` called anew on the dense model, the dense model without it, or a
        whole model that comes with what was saved.
    ragged: what becomes of a partial block at the edge: kept always, ranked and pruned like any, refused.
    ties: which of equal scores are kept.
    sizes: which weights are taken, by the size of each of their dimensions but a convolution's window; others are to be
        refused by name.
    """

    holds: Holds
    rounding: Rounding
    level_basis: LevelBasis
    score: Score
    masks_at: MasksAt
    regrowth: Regrowth
    mask_storage: MaskStorage
    restores_into: RestoresInto
    ragged: Ragged
    ties: Ties
    sizes: Sizes = "any"

    @property
    def ranks_by_magnitude(self) -> bool:
        """Whether the scores are known, so that it can be judged which units are kept."""
        return self.score in ("magnitude-l1", "magnitude-l2")

    @property
    def multiple(self) -> int:
        """What the sizes of every weight are multiples of; 1 if they may be any."""
        return 1 if self.sizes == "any" else int(self.sizes.rpartition(" ")[2])

    def __post_init__(self) -> None:
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.__struct_fields__}
        for field in msgspec.structs.fields(type(self)):
            try:
                msgspec.convert(fields[field.name], field.type)
            except msgspec.ValidationError as error:
                raise InvalidContract(f"clause {field.name}={fields[field.name]!r}: {error}") from None
