"""Compare two snapshots of a sparsifier. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
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
from .differences import (
    Comparison,
    CountChange,
    Difference,
    FormChange,
    MaskChange,
    OneSided,
    OtherChange,
    OutputChange,
    Problem,
    Side,
)
from .scenarios import TOGETHER, Scenario
from .snapshot import InvalidSnapshot, ScenarioResult, Snapshot


class InputsDiffer(InvalidSnapshot):
    """Raised if two snapshots have different dense models, inputs or plans."""


def compare_sides(before: Side, after: Side) -> Comparison:
    """Compare the snapshots of two sides.

    Raises:
        InputsDiffer: Two snapshots of a sparsifier have different inputs or plans.
    """
    both = [name for name in before.snapshots if name in after.snapshots]
    found = [compare_snapshots(before.snapshots[name], after.snapshots[name]) for name in both]
    alone = [*_alone(before, after), *_alone(after, before)]
    return Comparison(before=before.label, after=after.label, differences=tuple(found), alone=tuple(alone))


def _alone(side: Side, other: Side) -> Iterator[OneSided]:
    for name in side.snapshots:
        if name not in other.snapshots:
            yield OneSided(name, side.label, other.problems.get(name, Problem("")).why)


def compare_snapshots(before: Snapshot, after: Snapshot) -> Difference:
    """Compare two snapshots of one sparsifier.

    Raises:
        InputsDiffer: The snapshots have different inputs or plans.
    """
    _check_inputs(before, after)
    pairs = [(result, after.results[name]) for name, result in before.results.items() if name in after.results]
    counts = tuple(one for pair in pairs for one in _counts(*pair))
    is_one_torch = before.metadata.provenance.torch == after.metadata.provenance.torch
    return Difference(
        sparsifier=before.metadata.sparsifier, distribution=after.metadata.distribution,
        versions=(before.metadata.version, after.metadata.version),
        provenance=(before.metadata.provenance, after.metadata.provenance),
        scenarios=len(pairs),
        masks=tuple(one for result, _ in pairs for one in _masks(result.scenario, before, after)),
        outputs=tuple(_outputs(before.tensors, after.tensors)),
        counts=counts if is_one_torch else (), counts_elsewhere=() if is_one_torch else counts,
        forms=tuple(one for pair in pairs for one in _forms(*pair)),
        others=(*_declared(before, after), *_scenarios(before, after), *_raised(pairs)),
    )


def _check_inputs(before: Snapshot, after: Snapshot) -> None:
    name = before.metadata.sparsifier
    for scenario, result in before.results.items():
        other = after.results.get(scenario, result)
        if (result.plan, result.inputs) != (other.plan, other.inputs):
            raise InputsDiffer(f"the snapshots of {name} have different inputs or plans ({scenario}); take both with "
                               "the same version of sparsecheck")


# ------------------------------------------------------------------ counts, forms and other changes


def _counts(before: ScenarioResult, after: ScenarioResult) -> Iterator[CountChange]:
    for operation in sorted(before.counts.keys() & after.counts.keys()):
        was, now = before.counts[operation], after.counts[operation]
        for operator in sorted({*was, *now}):
            if was.get(operator, 0) != now.get(operator, 0):
                yield CountChange(before.scenario, operation, operator, was.get(operator, 0), now.get(operator, 0))


def _forms(before: ScenarioResult, after: ScenarioResult) -> Iterator[FormChange]:
    parts = (
        ("mask", before.masks, after.masks), ("output", before.outputs, after.outputs),
        ("state dict", before.state, after.state), ("sidecar", before.sidecar, after.sidecar),
    )
    for where, was, now in parts:
        for name in {**was, **now}:
            if was.get(name) != now.get(name):
                yield FormChange(before.scenario, where, name, _form(was.get(name)), _form(now.get(name)))


def _form(form: Form | None) -> str:
    return "" if form is None else f"{form.dtype} {list(form.shape)}"


def _declared(before: Snapshot, after: Snapshot) -> Iterator[OtherChange]:
    was, now = (
        {"profile": one.metadata.profile, **msgspec.structs.asdict(one.metadata.contract)} for one in (before, after)
    )
    for clause in was:
        if was[clause] != now[clause]:
            yield OtherChange("", f"declared {clause}", str(was[clause]), str(now[clause]))


def _scenarios(before: Snapshot, after: Snapshot) -> Iterator[OtherChange]:
    for scenario in {**before.results, **after.results}:
        if scenario not in after.results:
            yield OtherChange(scenario, "the scenario", "present", "")
        elif scenario not in before.results:
            yield OtherChange(scenario, "the scenario", "", "present")


def _raised(pairs: list[tuple[ScenarioResult, ScenarioResult]]) -> Iterator[OtherChange]:
    for was, now in pairs:
        if was.raised != now.raised:
            yield OtherChange(was.scenario, "raised", was.raised, now.raised)


# ------------------------------------------------------------------ outputs


def _outputs(before: Mapping[str, NDArray[Any]], after: Mapping[str, NDArray[Any]]) -> Iterator[OutputChange]:
    for key, was in before.items():
        kind, _, rest = key.partition(" ")
        now = after.get(key) if kind == "output" else None
        if now is None or (was.shape, was.dtype) != (now.shape, now.dtype):
            continue
        moved = _moved(was, now)
        if moved.any():
            scenario, stage = rest.split(" ")
            yield _output_change(scenario, stage, was[moved], now[moved], was.size)


def _output_change(scenario: str, stage: str, was: NDArray[Any], now: NDArray[Any], size: int) -> OutputChange:
    ulp = ulp_difference(was, now)
    largest = None if ulp is None else float(np.abs(was.astype(np.float64) - now.astype(np.float64)).max())
    return OutputChange(scenario=scenario, stage=stage, count=was.size, size=size, ulp=ulp, largest=largest)


def _moved(was: NDArray[Any], now: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where entries differ bitwise; all NaNs are equal."""
    if was.dtype.kind != "f":
        return np.asarray(was != now)
    both_nan = np.isnan(was) & np.isnan(now)
    return np.asarray(~both_nan & ((was != now) | (np.signbit(was) != np.signbit(now))))


def ulp_difference(one: NDArray[Any], other: NDArray[Any]) -> int | None:
    """Return the largest difference in units in the last place, 0 for zeros of opposite sign; None if not finite."""
    if one.dtype.kind != "f":
        return int(np.abs(one.astype(np.int64) - other.astype(np.int64)).max())
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return None
    return int(ulps(one, other).max())


# ------------------------------------------------------------------ masks


def _masks(scenario: str, before: Snapshot, after: Snapshot) -> Iterator[MaskChange]:
    was, now = _stages(scenario, before), _stages(scenario, after)
    for stage in (stage for stage in was if stage in now):
        pairs = {name: (mask, now[stage][name]) for name, mask in was[stage].items() if name in now[stage]}
        pairs = {name: pair for name, pair in pairs.items() if pair[0].shape == pair[1].shape}
        if all(np.array_equal(*pair) for pair in pairs.values()):
            continue
        tied = _tied(Scenario.parse(scenario), before, pairs)
        for name, pair in pairs.items():
            if not np.array_equal(*pair):
                yield _mask_change(scenario, stage, name, *pair, is_tied=tied[name])


def _stages(scenario: str, snapshot: Snapshot) -> dict[str, dict[str, Mask]]:
    found: dict[str, dict[str, Mask]] = {}
    for key, mask in snapshot.tensors.items():
        if key.startswith(f"mask {scenario} "):
            stage, name = key.split(" ")[2:]
            found.setdefault(stage, {})[name] = mask
    return found


def _mask_change(scenario: str, stage: str, name: str, was: Mask, now: Mask, is_tied: bool) -> MaskChange:
    first = tuple(int(i) for i in np.argwhere(was != now)[0])
    return MaskChange(
        scenario=scenario, stage=stage, name=name, now_kept=int((now & ~was).sum()),
        now_removed=int((was & ~now).sum()), size=was.size, first=first, is_tied=is_tied,
    )


def _tied(scenario: Scenario, before: Snapshot, pairs: Mapping[str, tuple[Mask, Mask]]) -> dict[str, bool]:
    """Return, per parameter, whether the units that changed places have equal scores in each ranked group."""
    contract = before.metadata.contract
    weights = {name: before.tensors[f"dense {scenario.model} {name}"].astype(np.float64) for name in pairs}
    patterns = {name: pattern_for(scenario.pattern, weight.shape, "") for name, weight in weights.items()}
    plan = Plan(patterns, "all" if scenario.variant == TOGETHER else "each")
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
