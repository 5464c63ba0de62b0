"""What a declaration implies, apart from any cell: scores that fit the patterns, sizes that must be refused."""

from __future__ import annotations

import itertools

from ..oracle.networks import network
from ..values.capability import Capabilities
from ..values.contract import Score
from ..values.network import Network
from .trial import Trial

RANKED = ("unstructured", "block", "n_of_m", "any_n_of_m", "channel", "input_channel")
"""Patterns whose units are ranked by a score."""

_RANKING: tuple[Score, ...] = ("magnitude-l1", "magnitude-l2", "position", "random", "opaque")


def scores_that_fit(capabilities: Capabilities) -> tuple[tuple[Score, ...], str]:
    """Return the scores that a sparsifier with these patterns can have, and the reason."""
    if ranked := [name for name in RANKED if name in capabilities.supported]:
        return _RANKING, f"{ranked[0]} is supported, whose units are ranked"
    stated = [name for name in ("given", "band") if name in capabilities.supported]
    fitting: list[Score] = ["opaque"]
    fitting += ["given"] if "given" in stated else []
    fitting += ["position"] if "band" in stated else []
    return tuple(sorted(fitting)), f"of the patterns only {' and '.join(stated) or 'none'} is supported"


def network_of_half_sizes(trial: Trial, salt: str) -> Network:
    """Return a network whose planned weights have odd multiples of half of the declared number as sizes."""
    multiple = trial.contract.multiple
    return next(
        made for number in itertools.count()
        if _has_no_multiple(made := network(trial.cell.layer, f"{salt} {number}", multiple // 2), multiple)
    )


def _has_no_multiple(made: Network, multiple: int) -> bool:
    planned = [layer.weight_shape for layer in made.weighted if layer.weight in made.planned]
    return all(size % multiple for shape in planned for size in shape[:2])
