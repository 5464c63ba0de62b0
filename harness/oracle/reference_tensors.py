"""Compute the tensors of the stored references with the oracles: weights, an input, masks and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..catalogue.axes import LAYERS, MATRIX_ONLY, pattern_capability
from ..values.contract import Contract, Score
from ..values.network import Network
from ..values.pattern import Pattern
from . import random_numbers
from .forward import forward
from .networks import network
from .plans import plan_for
from .units import Mask, Reals, Units, fixed_mask, masked, unit_scores, units

SALT = "MASK-28"
"""The salt of networks and plans: a trial of MASK-28 draws the same ones."""

NETWORKS = ("linear", "conv2d", "embedding")

# One mask serves every contract: all sizes are multiples of four, so a matrix has a multiple of sixteen entries and
# of four blocks of 1x4 or 4x1. At level 0.5 the number removed is then an integer whatever the rounding, no block is
# partial, and no tie rule matters, because no two scores are equal.
PATTERNS = ("given", "unstructured-0.5", "block1x4-0.5", "block4x1-0.5", "2of4", "channel0-0.5", "band-3")
"""The patterns with stored masks; each is the canonical pattern of some sparsifier."""

MAGNITUDES: tuple[Score, ...] = ("magnitude-l1", "magnitude-l2")

_BATCH = 3
_FIXED = ("given", "band-3")
_SUMMED = ("block1x4-0.5", "block4x1-0.5", "channel0-0.5")


def mask_key(pattern: str, score: Score) -> str | None:
    """Return the name under which the masks of `pattern` are stored for a sparsifier that ranks by `score`.

    Single entries rank alike by L1 and L2, sums of them do not. The result is None if no masks are stored.
    """
    if pattern in _FIXED:
        return pattern
    if pattern not in PATTERNS or score not in MAGNITUDES:
        return None
    return f"{pattern}/{score}" if pattern in _SUMMED else pattern


def compute_reference(token: str) -> dict[str, NDArray[Any]]:
    """Return all tensors of the reference for the network `token`, sorted by name.

    `input` is float32, or int64 indices. `parameter/NAME` is float32. `mask/KEY/NAME` is bool, True where kept.
    `output/KEY` is float64, the output of the masked network for the input.

    Raises:
        KeyError: No network has that token.
    """
    net = network(token, SALT)
    parameters, inputs = _parameters(net), _input(net)
    made: dict[str, NDArray[Any]] = {"input": inputs}
    made |= {f"parameter/{name}": values.astype(np.float32) for name, values in parameters.items()}
    for kept, pattern, score in _kinds(token):
        masks = _masks(net, pattern, score, parameters)
        sparse = {name: masked(values, masks[name]) if name in masks else values
                  for name, values in parameters.items()}
        made |= {f"mask/{kept}/{name}": mask for name, mask in masks.items()}
        made[f"output/{kept}"] = forward(net, sparse, inputs)
    return {name: np.ascontiguousarray(made[name]) for name in sorted(made)}


def _kinds(token: str) -> list[tuple[str, str, Score]]:
    """Return the key, pattern and score of every mask that is stored for a network, each key once."""
    kinds: dict[str, tuple[str, str, Score]] = {}
    for pattern in PATTERNS:
        if pattern_capability(pattern) in MATRIX_ONLY and "conv2d" in LAYERS[token]:
            continue
        for score in MAGNITUDES:
            kept = mask_key(pattern, score)
            assert kept is not None
            kinds.setdefault(kept, (kept, pattern, score))
    return list(kinds.values())


def _parameters(net: Network) -> dict[str, Reals]:
    made: dict[str, Reals] = {}
    for layer in net.weighted:
        shapes = {"weight": layer.weight_shape} | ({"bias": (layer.outputs,)} if layer.bias else {})
        for attribute, shape in shapes.items():
            made[f"{layer.name}.{attribute}"] = _values(f"{SALT} reference {layer.name}.{attribute}", shape)
    return made


def _values(name: str, shape: tuple[int, ...]) -> Reals:
    """Draw numbers of very different sizes, so that sums of them rank differently by L1 and by L2.

    They are scaled by powers of two alone, so that all remain exact in float32.
    """
    unlike = random_numbers.integers(f"{name} exponent", shape, 4)
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 16
    return np.asarray(random_numbers.reals(name, shape) / (1 << (unlike + fan_in.bit_length() // 2 - 1)))


def _input(net: Network) -> NDArray[Any]:
    shape, name = (_BATCH, *net.input_shape), f"{SALT} reference input"
    if net.takes_indices:
        return random_numbers.integers(name, shape, net.layers[0].inputs)
    return random_numbers.reals(name, shape).astype(np.float32)


def _masks(net: Network, pattern: str, score: Score, parameters: Mapping[str, Reals]) -> dict[str, Mask]:
    plan, contract = plan_for(net, pattern, SALT), _contract(score)
    return {name: expected_mask(one, parameters[name], contract) for name, one in plan.patterns.items()}


def expected_mask(pattern: Pattern, weight: Reals, contract: Contract) -> Mask:
    """Return the mask of a first update, float64 scores, ties broken by the lowest index.

    In every group the units of lowest score are removed; of units with equal scores, the last ones.
    """
    fixed = fixed_mask(pattern, weight.shape)
    if fixed is not None:
        return fixed
    cut = units(pattern, weight.shape, contract)
    kept = _kept(unit_scores(weight, cut, contract), cut)
    return np.where(cut.index >= 0, kept[cut.index], True)


def _kept(scores: Reals, cut: Units) -> NDArray[np.bool_]:
    kept = np.zeros(cut.count, dtype=np.bool_)
    for group, removed in enumerate(cut.removed):
        members = np.flatnonzero(cut.groups == group)
        falling = members[np.argsort(-scores[members], kind="stable")]
        kept[falling[: len(falling) - removed]] = True
    return kept


def _contract(score: Score) -> Contract:
    """Return a contract for `score`. The other clauses do not matter here, see `PATTERNS`."""
    return Contract(
        holds="parametrization", rounding="half-even", level_basis="dense", score=score, masks_at="update",
        regrowth="free", mask_storage="model", restores_into="attached", ragged="keep", ties="lowest index",
    )
