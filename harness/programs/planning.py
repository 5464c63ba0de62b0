"""The parameters of a real network that a sparsifier offers to prune."""

from __future__ import annotations

from ..catalogue.axes import LAYERS, pattern_capability
from ..trials.real_networks import FAMILIES
from ..trials.trial import Trial
from ..values.violation import require
from .judging import offer_to


def planned_parameters(trial: Trial) -> tuple[str, ...]:
    """Return the parameters of the network of a cell that can be planned with its pattern.

    Layers that have a capability are planned if it is declared, and others if trying them out has shown that they are
    taken.

    Raises:
        Violation: There are none, although the layers are declared (`nothing-offered`).
    """
    planned = FAMILIES[trial.cell.layer].planned
    kinds = {kind for kind in planned.values() if _is_offered(trial, kind)}
    message = f"{trial.cell.layer}: no parameter can be planned; declare its layers unsupported"
    require(bool(kinds), "nothing-offered", message)
    return tuple(name for name, kind in planned.items() if kind in kinds)


def _is_offered(trial: Trial, kind: str) -> bool:
    pattern = pattern_capability(trial.cell.pattern)
    if kind in LAYERS:
        return trial.supports(kind) and trial.declaration.capabilities.has_pattern_on(pattern, [kind])
    return pattern in offer_to(trial).patterns.get(kind, ())
