"""Every cell planned before the run, reconciled with every cell executed after it. No torch here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..catalogue import requirement as by_id
from ..catalogue.axes import (
    DTYPE_NEEDS,
    DTYPES,
    LAYERS,
    MATRIX_ONLY,
    device_capability,
    pattern_capability,
    resolve_device,
    resolve_pattern,
)
from ..values.capability import Support
from ..values.cell import Cell
from ..values.declaration import Declaration, Environment
from ..values.record import Record
from ..values.requirement import ACCELERATOR, Requirement
from ..values.selection import Selection
from ..values.versions import meets

SMOKE = "SMOKE"
"""The area that judges an adapter, and not yet the sparsifier."""

Disposition = Literal["judge", "refuse", "unavailable"]


@dataclass(frozen=True)
class Planned:
    """A cell and what is to be done with it.

    why: the unsupported capabilities whose refusal is tested, space separated; or why it is unavailable.
    """

    cell: Cell
    disposition: Disposition
    why: str = ""


class NothingPlanned(ValueError):
    """A selection that matches no cell: a run that judges nothing is no run."""


def enumerate_cells(
    catalogue: Iterable[Requirement],
    declaration: Declaration,
    selection: Selection,
    environment: Environment,
) -> tuple[Planned, ...]:
    """The whole ledger of one sparsifier, in the catalogue's order."""
    return tuple(
        _planned(requirement, cell, declaration, environment)
        for requirement in catalogue
        if applies(requirement, declaration)
        for cell in cells(requirement, declaration, environment)
        if selection.takes(cell) and is_declared(requirement, cell, declaration)
        and (not selection.probe or supposed(requirement, cell, declaration))
    )


def applies(requirement: Requirement, declaration: Declaration) -> bool:
    """Whether the requirement has a meaning for this profile and contract."""
    return declaration.profile in requirement.profiles and not any(
        getattr(declaration.contract, clause) == value for clause, value in requirement.unless
    )


def binds(requirement: Requirement, cell: Cell, declaration: Declaration) -> bool:
    """Return whether a failure of a cell of `requirement` is red for this sparsifier."""
    introduced = requirement.introduced(cell.layer, cell.pattern, cell.dtype, cell.device)
    return requirement.level != "provisional" and introduced <= declaration.catalogue


def cells(requirement: Requirement, declaration: Declaration, environment: Environment) -> Iterator[Cell]:
    """The canonical cell, then each other value of each axis in turn, the rest being canonical."""
    dtypes, devices = _dtypes(requirement, declaration), _devices(requirement, declaration)
    axes = (requirement.layers, requirement.patterns, dtypes, devices)
    canonical = [axis[0] for axis in axes]
    seen: set[Cell] = set()
    for position, axis in enumerate(axes):
        for value in axis:
            values = list(canonical)
            values[position] = value
            layer, pattern, dtype, device = values
            pattern = _fitting(resolve_pattern(pattern, declaration), layer, declaration)
            device = resolve_device(device, environment.devices)
            cell = Cell(declaration.sparsifier, requirement.id, layer, pattern, dtype, device)
            if cell not in seen:
                seen.add(cell)
                yield cell


def _devices(requirement: Requirement, declaration: Declaration) -> tuple[str, ...]:
    """As the requirement has them. Of what works on an accelerator alone all is judged there, and on the CPU its
    refusal, where the requirement asks for both."""
    support = declaration.capabilities.support
    if support("cpu") is Support.SUPPORTED or support("accelerator") is not Support.SUPPORTED:
        return requirement.devices
    return (ACCELERATOR, "cpu") if ACCELERATOR in requirement.devices else (ACCELERATOR,)


def _dtypes(requirement: Requirement, declaration: Declaration) -> tuple[str, ...]:
    """As the requirement has them. What does not take float32 is judged, where that is the canonical one, in the first
    that it takes; and its refusal of float32 where the requirement asks for several."""
    support = declaration.capabilities.support
    taken = next((dtype for dtype in DTYPES if support(dtype) is Support.SUPPORTED), None)
    is_canonical = requirement.dtypes[0] == "float32" and "float32" not in requirement.needs
    if taken is None or not is_canonical or support("float32") is not Support.UNSUPPORTED:
        return requirement.dtypes
    others = tuple(dtype for dtype in requirement.dtypes if dtype != taken)
    return (taken, *others) if len(requirement.dtypes) > 1 else (taken,)


def _fitting(pattern: str, layer: str, declaration: Declaration) -> str:
    """A matrix-only pattern on a convolution is nobody's to offer: the sparsifier's other canonical pattern."""
    if pattern_capability(pattern) not in MATRIX_ONLY or not set(LAYERS[layer]) & {"conv1d", "conv2d"}:
        return pattern
    supported = declaration.capabilities.supported
    return "unstructured-0.5" if "unstructured" in supported else "given"


def _planned(
    requirement: Requirement, cell: Cell, declaration: Declaration, environment: Environment
) -> Planned:
    if why := _unavailable(requirement, cell, environment):
        return Planned(cell, "unavailable", why)
    support = declaration.capabilities.support
    lacking = [name for name in capabilities(requirement, cell) if support(name) is not Support.SUPPORTED]
    return Planned(cell, "refuse", " ".join(lacking)) if lacking else Planned(cell, "judge")


def _unavailable(requirement: Requirement, cell: Cell, environment: Environment) -> str:
    if cell.device not in environment.devices:
        return f"no {cell.device} device here"
    for needed in (requirement.torch, DTYPE_NEEDS.get((cell.dtype, cell.device), "")):
        if not meets(environment.torch, needed):
            return f"needs torch{needed}, this is {environment.torch}"
    lacking = () if cell.device == "cpu" else (one for one in requirement.offers if one not in environment.offers)
    return next((f"{cell.device} has no {one} here" for one in lacking), "")


def is_declared(requirement: Requirement, cell: Cell, declaration: Declaration) -> bool:
    """Return whether the adapter answers for every capability that a cell needs, also for those of later catalogues."""
    support = declaration.capabilities.support
    return all(support(name) is not Support.UNDECLARED for name in capabilities(requirement, cell))


def introduced(cell: str) -> int:
    """Return the version of the catalogue that introduced a cell."""
    parsed = Cell.parse(cell)
    return by_id(parsed.requirement).introduced(parsed.layer, parsed.pattern, parsed.dtype, parsed.device)


def is_offered(cell: str, declaration: Declaration) -> bool:
    """Return whether a sparsifier supports all that a cell of this catalogue needs."""
    parsed = Cell.parse(cell)
    needed = capabilities(by_id(parsed.requirement), parsed)
    return all(declaration.capabilities.support(name) is Support.SUPPORTED for name in needed)


def capabilities(requirement: Requirement, cell: Cell) -> tuple[str, ...]:
    """All that a cell takes of a sparsifier: what its axes imply, then what its requirement needs."""
    axes = (*LAYERS[cell.layer], pattern_capability(cell.pattern), cell.dtype, device_capability(cell.device))
    return (*axes, *requirement.needs)


def supposed(requirement: Requirement, cell: Cell, declaration: Declaration) -> tuple[str, ...]:
    """Of what a cell takes, that which the sparsifier is only supposed to support."""
    return tuple(name for name in capabilities(requirement, cell) if name in declaration.supposed)


@dataclass(frozen=True)
class Balance:
    """What planned and executed leave over, as cell ids; all empty when the ledger balances."""

    missing: tuple[str, ...]
    doubled: tuple[str, ...]
    unplanned: tuple[str, ...]

    def __bool__(self) -> bool:
        return not (self.missing or self.doubled or self.unplanned)

    def __str__(self) -> str:
        parts = (("never judged", self.missing), ("judged twice", self.doubled), ("not planned", self.unplanned))
        return "; ".join(f"{len(cells)} {what}, first {cells[0]}" for what, cells in parts if cells) or "balanced"


def reconcile(planned: Iterable[str], records: Iterable[Record]) -> Balance:
    """Holds the planned cell ids against the records."""
    plan, judged = set(planned), Counter(record.cell for record in records)
    return Balance(
        missing=tuple(sorted(plan - set(judged))),
        doubled=tuple(sorted(cell for cell, times in judged.items() if times > 1)),
        unplanned=tuple(sorted(set(judged) - plan)),
    )
