"""The differences between snapshots, as frozen values. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct

from .snapshot import Provenance, Snapshot


class MaskChange(Struct, frozen=True, kw_only=True):
    """A mask that changed.

    Attributes:
        scenario: The id of the scenario.
        stage: `update` or `relevel`.
        name: The parameter.
        now_kept: The number of entries that are kept now but were removed before.
        now_removed: The number of entries that are removed now but were kept before.
        size: The number of entries.
        first: The index of the first entry that differs.
        is_tied: Whether newly kept and newly removed entries have equal scores, by the declared score of the dense
            weights, so that either mask is right.
    """

    scenario: str
    stage: str
    name: str
    now_kept: int
    now_removed: int
    size: int
    first: tuple[int, ...]
    is_tied: bool


class OutputChange(Struct, frozen=True, kw_only=True):
    """An output that changed.

    Attributes:
        scenario: The id of the scenario.
        stage: `update` or `relevel`.
        count: The number of entries that differ bitwise.
        size: The number of entries.
        ulp: The largest difference in units in the last place; None if an entry is not finite.
        largest: The largest absolute difference; None if an entry is not finite.
    """

    scenario: str
    stage: str
    count: int
    size: int
    ulp: int | None
    largest: float | None


class CountChange(Struct, frozen=True):
    """A changed number of calls of one aten operator in one call of `operation`."""

    scenario: str
    operation: str
    operator: str
    before: int
    after: int


class FormChange(Struct, frozen=True):
    """A tensor that was added or removed, or has another shape or dtype.

    Attributes:
        scenario: The id of the scenario.
        where: `state dict`, `sidecar`, `mask` or `output`.
        name: The name of the tensor.
        before: Its dtype and shape, or an empty string if it was added.
        after: The same, or an empty string if it was removed.
    """

    scenario: str
    where: str
    name: str
    before: str
    after: str


class OtherChange(Struct, frozen=True):
    """Any other change, in words.

    Attributes:
        scenario: The id of the scenario, or an empty string for all of them.
        what: What changed.
        before: The state before, or an empty string for nothing.
        after: The state after, or an empty string for nothing.
    """

    scenario: str
    what: str
    before: str
    after: str


class Difference(Struct, frozen=True, kw_only=True):
    """The differences between two snapshots of one sparsifier.

    Attributes:
        sparsifier: The registered name.
        distribution: The package.
        versions: The two versions of the package.
        provenance: The versions and machines of the two snapshots.
        scenarios: The number of scenarios in both snapshots.
        masks: Changed masks.
        outputs: Changed outputs.
        counts: Changed operator counts.
        forms: Changed names, shapes and dtypes.
        others: Other changes.
        counts_elsewhere: Operator counts that differ between two versions of torch, which are no change of the
            sparsifier.
    """

    sparsifier: str
    distribution: str
    versions: tuple[str, str]
    provenance: tuple[Provenance, Provenance]
    scenarios: int
    masks: tuple[MaskChange, ...] = ()
    outputs: tuple[OutputChange, ...] = ()
    counts: tuple[CountChange, ...] = ()
    forms: tuple[FormChange, ...] = ()
    others: tuple[OtherChange, ...] = ()
    counts_elsewhere: tuple[CountChange, ...] = ()

    @property
    def is_same(self) -> bool:
        return not (self.masks or self.outputs or self.counts or self.forms or self.others)


class OneSided(Struct, frozen=True):
    """A sparsifier with a snapshot on only one side.

    Attributes:
        sparsifier: The registered name.
        side: The label of the side that has it.
        why: Why the other side does not, if known.
    """

    sparsifier: str
    side: str
    why: str = ""


class Comparison(Struct, frozen=True, kw_only=True):
    """The comparison of two sides.

    Attributes:
        before: The label of the first side.
        after: The label of the second side.
        differences: One entry per sparsifier on both sides.
        alone: The sparsifiers on only one side.
    """

    before: str
    after: str
    differences: tuple[Difference, ...]
    alone: tuple[OneSided, ...] = ()

    @property
    def is_same(self) -> bool:
        """Return whether nothing changed."""
        return not self.alone and all(one.is_same for one in self.differences)


class Problem(Struct, frozen=True):
    """The reason why a sparsifier has no snapshot.

    Attributes:
        why: The reason.
        is_declared: Whether the sparsifier declares a capability unsupported that a snapshot needs.
    """

    why: str
    is_declared: bool = False


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    Attributes:
        label: The file, folder or release, as the user named it.
        snapshots: The snapshots, by sparsifier.
        problems: The reasons why other sparsifiers have none, by sparsifier.
    """

    label: str
    snapshots: Mapping[str, Snapshot]
    problems: Mapping[str, Problem]
