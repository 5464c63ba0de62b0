"""Plans and patterns for the tokens on the pattern axis."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..values.network import Network
from ..values.pattern import Band, Block, Channel, Given, NofM, Pattern, Unstructured
from ..values.plan import Plan, Scope
from . import random_numbers


def plan_for(network: Network, token: str, salt: str, scope: Scope = "each") -> Plan:
    """Return the plan that gives every planned weight of `network` the pattern that `token` stands for.

    Args:
        network: The network to be planned.
        token: The value on the pattern axis, such as `2of4` or `block1x4-0.5`.
        salt: The string from which given masks are drawn.
        scope: Whether each parameter is ranked by itself or all together.

    Raises:
        ValueError: The token stands for no pattern.
    """
    shapes = {layer.weight: layer.weight_shape for layer in network.weighted}
    return Plan({name: pattern_for(token, shapes[name], f"{salt} {name}") for name in network.planned}, scope)


def mix_patterns(plan: Plan) -> Plan:
    """Return a plan for the same parameters in reverse order, with patterns that differ from one to the next."""
    patterns = [_variation(plan, name, first) for name, first in zip(plan.names, itertools.cycle((True, False)))]
    return Plan(dict(reversed([*zip(plan.names, patterns, strict=True)])), plan.scope)


def _variation(plan: Plan, name: str, first: bool) -> Pattern:
    """Return the first or the second variation of a parameter's pattern."""
    pattern = plan.at_level(0.25 if first else 0.75).patterns[name]
    if isinstance(pattern, Band):
        return Band(3 if first else 5)
    return replace(pattern, n=2 if first else 1) if isinstance(pattern, NofM) else pattern


def pattern_for(token: str, shape: tuple[int, ...], salt: str) -> Pattern:
    """Return the pattern that `token` stands for, for a weight of `shape`; given masks are drawn from `salt`.

    Raises:
        ValueError: The token stands for no pattern.
    """
    if token.startswith("given"):
        return Given(_given_mask(token, shape, salt))
    if match := re.fullmatch(r"unstructured-([\d.]+)", token):
        return Unstructured(float(match[1]))
    if match := re.fullmatch(r"block(\d+)x(\d+)-([\d.]+)", token):
        return Block((int(match[1]), int(match[2])), float(match[3]))
    if match := re.fullmatch(r"(\d+)of(\d+)", token):
        return NofM(int(match[1]), int(match[2]))
    if match := re.fullmatch(r"channel(\d)-([\d.]+)", token):
        return Channel(float(match[2]), int(match[1]))
    if match := re.fullmatch(r"band-(\d+)", token):
        return Band(int(match[1]))
    raise ValueError(f"no pattern is written {token!r}")


def _given_mask(token: str, shape: tuple[int, ...], salt: str) -> NDArray[np.bool_]:
    """Draw a mask that keeps about half the entries, irregular, with at least one kept and one removed.

    The tokens `given-identity` and `given-zeros` stand for masks that keep all entries or none.
    """
    if token == "given-identity":
        return np.ones(shape, dtype=np.bool_)
    if token == "given-zeros":
        return np.zeros(shape, dtype=np.bool_)
    mask: NDArray[np.bool_] = random_numbers.integers(f"{salt} given mask", shape, 2).astype(np.bool_)
    mask.flat[0], mask.flat[1] = True, False
    return mask
