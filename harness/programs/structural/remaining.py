"""Find out which channels of a planned layer remain, by its entries alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import nn

from ...oracle.compare import array
from ...oracle.units import Mask, Reals
from ...values.violation import Violation, presume
from ..places import find_parameter
from .twin import SlicedTwin


@dataclass(frozen=True)
class Remaining:
    """The output channels that remain after an update.

    Attributes:
        kept: By planned name, which output channels of the dense layer remain.
        unknown: The planned names of which the number alone is known; `kept` then has the first ones.
    """

    kept: dict[str, Mask]
    unknown: frozenset[str]


def remaining_outputs(model: nn.Module, twin: SlicedTwin) -> Remaining:
    """Return which output channels of the planned layers remain in a model after an update.

    A channel is known by its row of the weight, restricted to the inputs that remain, and by its bias where there are
    equal rows. Layers are read in the order in which they run, so that the inputs of each are known. Once a layer has
    no inputs left, nothing tells its channels apart, nor those of the layers after it.

    Args:
        model: The model after the update.
        twin: The twin, from which nothing was removed for this update.

    Raises:
        Violation: A parameter is missing (`tensor-missing`), has another number of inputs (`channels-differ`), or has
            a row or a bias that it had not before the update (`entry-differs`).
    """
    gone, found, unknown = set(twin.gone), dict[str, Mask](), list[str]()
    for name, layer in _planned(twin):
        dense, seen = twin.scored()[name], _read(model, name)
        kept = twin.outputs_of(layer, gone)  # another planned layer may have taken channels of this one along
        inputs = twin.outputs_of(_source(twin, layer), gone)
        seen = twin.by_unit(name, seen)
        rows = [*_rows(dense[kept], inputs, name, seen)]
        if unknown or not inputs.any():
            unknown.append(name)
            found[name] = _first(kept, len(seen))
        else:
            found[name] = _matched(kept, rows, seen, name, _biases(model, twin, name, gone))
        gone |= {*twin.groups[layer][~found[name]].tolist()}
    return Remaining(found, frozenset(unknown))


def _first(kept: Mask, count: int) -> Mask:
    """Return the first of the channels that may remain."""
    left = np.zeros_like(kept)
    left[np.flatnonzero(kept)[:count]] = True
    return left


def _planned(twin: SlicedTwin) -> Iterator[tuple[str, str]]:
    for layer in twin.network.layers:
        if layer.has_weight and layer.weight in twin.network.planned:
            yield layer.weight, layer.name


def _source(twin: SlicedTwin, layer: str) -> str:
    return twin.network.sources(next(one for one in twin.network.layers if one.name == layer))[0]


def _read(model: nn.Module, name: str) -> Reals:
    place = find_parameter(model, name)
    presume(place is not None, "tensor-missing", f"the model has no parameter {name}")
    assert place is not None
    return array(place)


def _rows(dense: Reals, inputs: Mask, name: str, seen: Reals) -> Iterator[Reals]:
    """Yield the rows that may remain, restricted to the inputs that remain."""
    expected = (int(inputs.sum()), *dense.shape[2:])
    message = f"{name} has shape {seen.shape}, expected {expected[0]} input channels and windows {dense.shape[2:]}"
    presume(seen.shape[1:] == expected, "channels-differ", message)
    yield from dense[:, inputs]


def _biases(model: nn.Module, twin: SlicedTwin, name: str, gone: set[int]) -> tuple[Reals, Reals] | None:
    """Return the biases before the update of the channels that may remain, and those of the model; None if none."""
    layer, _, weight = name.rpartition(".")
    bias = weight.replace("weight", "bias")
    own, seen = twin.model.get_submodule(layer)._parameters.get(bias), find_parameter(model, f"{layer}.{bias}")
    if own is None or seen is None:
        return None
    was, expected = twin.kept[layer].outputs, twin.by_unit(name, array(own))
    return expected[twin.outputs_of(layer, gone)[was]], twin.by_unit(name, array(seen))


def _matched(
    kept: Mask, rows: list[Reals], seen: Reals, name: str, biases: tuple[Reals, Reals] | None
) -> Mask:
    """Return which of the dense channels the rows of a weight are; they must be in their order."""
    places, left, at = np.flatnonzero(kept), np.zeros_like(kept), 0
    for number, row in enumerate(seen):
        candidates = [one for one in range(at, len(rows)) if _same(rows[one], row)]
        if not candidates:
            what = "no longer in its place" if any(_same(one, row) for one in rows) else "not a row that it had"
            raise Violation("entry-differs", f"row {number} of {name} is {what} before the update")
        at = _alike(candidates, biases, number, name)
        left[places[at]] = True
        at += 1
    return left


def _same(one: Reals, other: Reals) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def _alike(candidates: list[int], biases: tuple[Reals, Reals] | None, number: int, name: str) -> int:
    """Return the first of equal rows that has the bias of a channel.

    Raises:
        Violation: There are several, and none has (`entry-differs`).
    """
    if biases is None or number >= len(biases[1]) or len(candidates) == 1:
        return candidates[0]
    for one in candidates:
        if _same(biases[0][one:one + 1], biases[1][number:number + 1]):
            return one
    bias = "bias".join(name.rsplit("weight", 1))
    raise Violation("entry-differs", f"entry {number} of {bias} is that of no channel whose weights remain there")
