"""What differs between two recordings of a sparsifier. Values and NumPy alone; no torch here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ...oracle.plans import pattern_for
from ...oracle.ranking import SLACK, Ranking, kept_units, rankings
from ...oracle.references import Form
from ...oracle.ulps import ulps
from ...oracle.units import Mask, unit_scores, units
from ...values.contract import Contract
from ...values.pattern import Band, Given
from ...values.plan import Plan
from ...values.violation import Violation
from .scenarios import TOGETHER, Occasion
from .snapshot import InvalidRecording, Made, Recording, Seen


class OtherInputs(InvalidRecording):
    """Two recordings are not on the same dense models, inputs and plans."""


class MaskChange(Struct, frozen=True, kw_only=True):
    """One mask. first: the first index that differs. is_tied: whether what came scores as what went, by the declared
    score of the dense weights, so that either mask is right."""

    occasion: str
    stage: str
    name: str
    now_kept: int
    now_removed: int
    size: int
    first: tuple[int, ...]
    is_tied: bool


class OutputChange(Struct, frozen=True, kw_only=True):
    """One output. count: of entries with other bits. ulp: the most units in the last place that an entry moved, and
    largest: the most that it did; None where one is not finite."""

    occasion: str
    stage: str
    count: int
    size: int
    ulp: int | None
    largest: float | None


class CountChange(Struct, frozen=True):
    """How often one aten operator runs in one call of `operation`."""

    occasion: str
    operation: str
    operator: str
    before: int
    after: int


class FormChange(Struct, frozen=True):
    """One tensor that came, went, or has another shape or dtype. where: `state dict`, `sidecar`, `mask` or `output`."""

    occasion: str
    where: str
    name: str
    before: str
    after: str


class Otherwise(Struct, frozen=True):
    """Anything else that is not as it was, in words; empty for what is not there. occasion: empty if it is on all."""

    occasion: str
    what: str
    before: str
    after: str


class Difference(Struct, frozen=True, kw_only=True):
    """One sparsifier, before and after.

    versions, made: of its package, and where. occasions: how many both recorded. counts_elsewhere: counts that differ
    between two torches, which is nobody's change.
    """

    sparsifier: str
    distribution: str
    versions: tuple[str, str]
    made: tuple[Made, Made]
    occasions: int
    masks: tuple[MaskChange, ...] = ()
    outputs: tuple[OutputChange, ...] = ()
    counts: tuple[CountChange, ...] = ()
    forms: tuple[FormChange, ...] = ()
    others: tuple[Otherwise, ...] = ()
    counts_elsewhere: tuple[CountChange, ...] = ()

    @property
    def is_same(self) -> bool:
        return not (self.masks or self.outputs or self.counts or self.forms or self.others)


class Alone(Struct, frozen=True):
    """A sparsifier that is recorded on one side alone. side: which. why: it is not on the other, as far as known."""

    sparsifier: str
    side: str
    why: str = ""


class Comparison(Struct, frozen=True, kw_only=True):
    """Two sides, by what they are called."""

    before: str
    after: str
    differences: tuple[Difference, ...]
    alone: tuple[Alone, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether nothing changed."""
        return not self.alone and all(one.is_same for one in self.differences)


class Problem(Struct, frozen=True):
    """Why a sparsifier has no recording. is_declared: as it declares, it does not work where all are recorded."""

    why: str
    is_declared: bool = False


@dataclass(frozen=True)
class Side:
    """What is held against another. problems: what came in the way of a recording, by sparsifier."""

    label: str
    recordings: Mapping[str, Recording]
    problems: Mapping[str, Problem]


def compared(before: Side, after: Side) -> Comparison:
    """All that is recorded on either side.

    Raises:
        OtherInputs: one is recorded on other inputs than the other.
    """
    both = [name for name in before.recordings if name in after.recordings]
    found = [difference(before.recordings[name], after.recordings[name]) for name in both]
    alone = [*_alone(before, after), *_alone(after, before)]
    return Comparison(before=before.label, after=after.label, differences=tuple(found), alone=tuple(alone))


def _alone(one: Side, other: Side) -> Iterator[Alone]:
    for name in one.recordings:
        if name not in other.recordings:
            yield Alone(name, one.label, other.problems.get(name, Problem("")).why)


def difference(before: Recording, after: Recording) -> Difference:
    """What changed of one sparsifier.

    Raises:
        OtherInputs: the two are not on the same inputs.
    """
    _check_inputs(before, after)
    pairs = [(seen, after.seen[name]) for name, seen in before.seen.items() if name in after.seen]
    counts = tuple(one for pair in pairs for one in _counts(*pair))
    is_one_torch = before.about.made.torch == after.about.made.torch
    return Difference(
        sparsifier=before.about.sparsifier, distribution=after.about.distribution,
        versions=(before.about.version, after.about.version), made=(before.about.made, after.about.made),
        occasions=len(pairs),
        masks=tuple(one for seen, _ in pairs for one in _masks(seen.occasion, before, after)),
        outputs=tuple(_outputs(before.tensors, after.tensors)),
        counts=counts if is_one_torch else (), counts_elsewhere=() if is_one_torch else counts,
        forms=tuple(one for pair in pairs for one in _forms(*pair)),
        others=(*_declared(before, after), *_occasions(before, after), *_raised(pairs)),
    )


def _check_inputs(before: Recording, after: Recording) -> None:
    name = before.about.sparsifier
    for occasion, seen in before.seen.items():
        other = after.seen.get(occasion, seen)
        if (seen.plan, seen.inputs) != (other.plan, other.inputs):
            raise OtherInputs(f"{name} is recorded on other inputs, or by another plan ({occasion}): record both sides "
                              "with one sparsecheck")


# ------------------------------------------------------------------ what is counted, held and said


def _counts(before: Seen, after: Seen) -> Iterator[CountChange]:
    for operation in sorted(before.counts.keys() & after.counts.keys()):
        was, now = before.counts[operation], after.counts[operation]
        for operator in sorted({*was, *now}):
            if was.get(operator, 0) != now.get(operator, 0):
                yield CountChange(before.occasion, operation, operator, was.get(operator, 0), now.get(operator, 0))


def _forms(before: Seen, after: Seen) -> Iterator[FormChange]:
    parts = (
        ("mask", before.masks, after.masks), ("output", before.outputs, after.outputs),
        ("state dict", before.state, after.state), ("sidecar", before.sidecar, after.sidecar),
    )
    for where, was, now in parts:
        for name in {**was, **now}:
            if was.get(name) != now.get(name):
                yield FormChange(before.occasion, where, name, _form(was.get(name)), _form(now.get(name)))


def _form(form: Form | None) -> str:
    return "" if form is None else f"{form.dtype} {list(form.shape)}"


def _declared(before: Recording, after: Recording) -> Iterator[Otherwise]:
    was, now = (
        {"profile": one.about.profile, **msgspec.structs.asdict(one.about.contract)} for one in (before, after)
    )
    for clause in was:
        if was[clause] != now[clause]:
            yield Otherwise("", f"declared {clause}", str(was[clause]), str(now[clause]))


def _occasions(before: Recording, after: Recording) -> Iterator[Otherwise]:
    for occasion in {**before.seen, **after.seen}:
        if occasion not in after.seen:
            yield Otherwise(occasion, "the occasion", "recorded", "")
        elif occasion not in before.seen:
            yield Otherwise(occasion, "the occasion", "", "recorded")


def _raised(pairs: list[tuple[Seen, Seen]]) -> Iterator[Otherwise]:
    for was, now in pairs:
        if was.raised != now.raised:
            yield Otherwise(was.occasion, "raised", was.raised, now.raised)


# ------------------------------------------------------------------ outputs


def _outputs(before: Mapping[str, NDArray[Any]], after: Mapping[str, NDArray[Any]]) -> Iterator[OutputChange]:
    for key, was in before.items():
        kind, _, rest = key.partition(" ")
        now = after.get(key) if kind == "output" else None
        if now is None or (was.shape, was.dtype) != (now.shape, now.dtype):
            continue
        moved = _moved(was, now)
        if moved.any():
            occasion, stage = rest.split(" ")
            yield _output_change(occasion, stage, was[moved], now[moved], was.size)


def _output_change(occasion: str, stage: str, was: NDArray[Any], now: NDArray[Any], size: int) -> OutputChange:
    ulp = ulp_apart(was, now)
    largest = None if ulp is None else float(np.abs(was.astype(np.float64) - now.astype(np.float64)).max())
    return OutputChange(occasion=occasion, stage=stage, count=was.size, size=size, ulp=ulp, largest=largest)


def _moved(was: NDArray[Any], now: NDArray[Any]) -> NDArray[np.bool_]:
    """Entries of other bits; NaN is NaN."""
    if was.dtype.kind != "f":
        return np.asarray(was != now)
    both_nan = np.isnan(was) & np.isnan(now)
    return np.asarray(~both_nan & ((was != now) | (np.signbit(was) != np.signbit(now))))


def ulp_apart(one: NDArray[Any], other: NDArray[Any]) -> int | None:
    """The most units in the last place between two entries, 0 for the sign of a zero; None where one is not finite."""
    if one.dtype.kind != "f":
        return int(np.abs(one.astype(np.int64) - other.astype(np.int64)).max())
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return None
    return int(ulps(one, other).max())


# ------------------------------------------------------------------ masks


def _masks(occasion: str, before: Recording, after: Recording) -> Iterator[MaskChange]:
    was, now = _stages(occasion, before), _stages(occasion, after)
    for stage in (stage for stage in was if stage in now):
        pairs = {name: (mask, now[stage][name]) for name, mask in was[stage].items() if name in now[stage]}
        pairs = {name: pair for name, pair in pairs.items() if pair[0].shape == pair[1].shape}
        if all(np.array_equal(*pair) for pair in pairs.values()):
            continue
        tied = _tied(Occasion.parse(occasion), before, pairs)
        for name, pair in pairs.items():
            if not np.array_equal(*pair):
                yield _mask_change(occasion, stage, name, *pair, is_tied=tied[name])


def _stages(occasion: str, recording: Recording) -> dict[str, dict[str, Mask]]:
    found: dict[str, dict[str, Mask]] = {}
    for key, mask in recording.tensors.items():
        if key.startswith(f"mask {occasion} "):
            stage, name = key.split(" ")[2:]
            found.setdefault(stage, {})[name] = mask
    return found


def _mask_change(occasion: str, stage: str, name: str, was: Mask, now: Mask, is_tied: bool) -> MaskChange:
    first = tuple(int(i) for i in np.argwhere(was != now)[0])
    return MaskChange(
        occasion=occasion, stage=stage, name=name, now_kept=int((now & ~was).sum()),
        now_removed=int((was & ~now).sum()), size=was.size, first=first, is_tied=is_tied,
    )


def _tied(occasion: Occasion, before: Recording, pairs: Mapping[str, tuple[Mask, Mask]]) -> dict[str, bool]:
    """By parameter: whether all units that went and came score alike, in each group that is ranked by itself."""
    contract = before.about.contract
    weights = {name: before.tensors[f"dense {occasion.model} {name}"].astype(np.float64) for name in pairs}
    patterns = {name: pattern_for(occasion.pattern, weight.shape, "") for name, weight in weights.items()}
    plan = Plan(patterns, "all" if occasion.variant == TOGETHER else "each")
    if not contract.ranks_by_magnitude or any(isinstance(one, (Given, Band)) for one in patterns.values()):
        return dict.fromkeys(pairs, False)
    sides = (rankings(plan, {name: pair[at] for name, pair in pairs.items()}, weights) for at in (0, 1))
    return {name: _is_tied(was, now, contract) for was, now in zip(*sides, strict=True) for name in was.names}


def _is_tied(was: Ranking, now: Ranking, contract: Contract) -> bool:
    cut = units(was.pattern, was.mask.shape, contract)
    scores = unit_scores(was.weight, cut, contract)
    try:
        kept_then, kept_now = kept_units(was.mask, cut, was.description), kept_units(now.mask, cut, now.description)
    except Violation:
        return False
    went, came = (np.flatnonzero(one) for one in (kept_then & ~kept_now, kept_now & ~kept_then))
    went, came = (one[np.lexsort((scores[one], cut.groups[one]))] for one in (went, came))
    slack = 0.0 if cut.count == was.weight.size else SLACK["float32"]
    if not np.array_equal(cut.groups[went], cut.groups[came]):
        return False
    return bool(np.isclose(scores[went], scores[came], rtol=slack, atol=0.0).all())
