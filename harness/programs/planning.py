"""The parameters of a real network that a sparsifier offers to prune."""

from __future__ import annotations

from ..catalogue.axes import LAYERS, pattern_capability
from ..trials.real_networks import FAMILIES
from ..trials.real_training import untrained
from ..trials.trial import Trial
from ..values.violation import presume
from .judging import offer_to


def planned_parameters(trial: Trial) -> tuple[str, ...]:
    """Return the parameters of the network of a cell that can be planned with its pattern.

    Layers that have a capability are planned if it is declared, and others if trying them out has shown that they are
    taken. Weights of a size that the contract excludes are not planned.

    Raises:
        Violation: There are none, although the layers are declared (`nothing-offered`).
    """
    family = FAMILIES[trial.cell.layer]
    kinds = {kind for kind in family.planned.values() if _is_offered(trial, kind)}
    sizes = {name: one.shape[:2] for name, one in untrained(trial.cell.layer).named_parameters()}
    planned = tuple(
        name for name, kind in family.planned.items()
        if kind in kinds and not any(size % trial.contract.multiple for size in sizes[name])
    )
    message = f"{trial.cell.layer}: no parameter can be planned; declare its layers unsupported"
    presume(bool(planned), "nothing-offered", message)
    return planned


def _is_offered(trial: Trial, kind: str) -> bool:
    pattern = pattern_capability(trial.cell.pattern)
    if kind in LAYERS:
        return trial.supports(kind) and trial.declaration.capabilities.has_pattern_on(pattern, [kind])
    return pattern in offer_to(trial).patterns.get(kind, ())
