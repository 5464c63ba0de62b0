"""From a pattern's token on the axis to a plan for a network."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from ..values.network import Network
from ..values.pattern import Band, Block, Channel, Given, NofM, Pattern, Unstructured
from ..values.plan import Plan, Scope
from . import stream


def plan_for(network: Network, token: str, salt: str, scope: Scope = "each") -> Plan:
    """The plan that gives every planned weight of `network` the pattern that `token` stands for.

    Raises:
        ValueError: no pattern is written so.
    """
    shapes = {layer.weight: layer.weight_shape for layer in network.weighted}
    return Plan({name: pattern_for(token, shapes[name], f"{salt} {name}") for name in network.planned}, scope)


def pattern_for(token: str, shape: tuple[int, ...], salt: str) -> Pattern:
    """The pattern written `token`, for a weight of `shape`; given masks are drawn from `salt`."""
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
    """About half the entries, irregular, with at least one kept and one removed; or all, or none."""
    if token == "given-identity":
        return np.ones(shape, dtype=np.bool_)
    if token == "given-zeros":
        return np.zeros(shape, dtype=np.bool_)
    mask: NDArray[np.bool_] = stream.integers(f"{salt} given mask", shape, 2).astype(np.bool_)
    mask.flat[0], mask.flat[1] = True, False
    return mask
