"""Plan every cell before a run, and reconcile the plan with the records after it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ..catalogue import requirement as by_id
from ..catalogue.axes import (
    DTYPE_NEEDS,
    DTYPES,
    MODELS,
    REST,
    TORCH_NEEDS,
    has_meaning,
    has_pattern,
    is_promised,
    lacking,
    layer_capabilities,
    needed,
    resolve_device,
    resolve_pattern,
    supported_shape,
)
from ..values.capability import Capabilities, Support
from ..values.cell import Cell
from ..values.declaration import Declaration, Environment
from ..values.record import Record
from ..values.requirement import ACCELERATOR, Requirement
from ..values.selection import Selection
from ..values.versions import meets

SMOKE = "SMOKE"
"""The area that judges the adapter instead of the sparsifier."""

REFUSE = "REFUSE"
"""The area that judges how a sparsifier refuses unsupported capabilities."""

Disposition = Literal["judge", "unavailable"]


@dataclass(frozen=True)
class Planned:
    """A planned cell.

    Attributes:
        cell: The cell.
        disposition: Whether it is judged or unavailable on this machine.
        why: The reason why it is unavailable; empty otherwise.
    """

    cell: Cell
    disposition: Disposition
    why: str = ""


def enumerate_cells(
    catalogue: Iterable[Requirement],
    declaration: Declaration,
    selection: Selection,
    environment: Environment,
) -> tuple[Planned, ...]:
    """Return all planned cells of a sparsifier, in the order of the catalogue."""
    return tuple(
        planned for requirement, planned in _every_cell(tuple(catalogue), declaration, environment)
        if selection.takes(planned.cell)
        and (not selection.probe or supposed(requirement, planned.cell, declaration))
    )


@lru_cache(maxsize=16)
def _every_cell(
    catalogue: tuple[Requirement, ...], declaration: Declaration, environment: Environment
) -> tuple[tuple[Requirement, Planned], ...]:
    """Return all cells of a sparsifier with their requirements, which a run needs several times."""
    return tuple(
        (requirement, _planned(requirement, cell, environment))
        for requirement in catalogue
        if applies(requirement, declaration)
        for cell in cells(requirement, declaration, environment)
    )


def applies(requirement: Requirement, declaration: Declaration) -> bool:
    """Return whether a requirement applies to a sparsifier's profile, contract and, for REFUSE, capabilities."""
    is_meaningful = declaration.profile in requirement.profiles and not any(
        getattr(declaration.contract, clause) == value for clause, value in requirement.unless
    )
    return is_meaningful and (not requirement.refuses or _has_to_refuse(requirement, declaration.capabilities))


def _has_to_refuse(requirement: Requirement, capabilities: Capabilities) -> bool:
    parts = {f"{REST}{pattern}" for pattern, _ in capabilities.partial}
    return not (capabilities.unsupported | parts).isdisjoint(requirement.refuses)


def binds(requirement: Requirement, cell: Cell, declaration: Declaration) -> bool:
    """Return whether a failure of a cell of `requirement` is red for this sparsifier."""
    introduced = requirement.introduced(cell.layer, cell.pattern, cell.dtype, cell.device)
    return requirement.level != "provisional" and introduced <= declaration.catalogue


def not_offered(
    catalogue: Iterable[Requirement], declaration: Declaration, environment: Environment
) -> tuple[Requirement, ...]:
    """Return the applicable requirements whose every cell needs an unsupported capability."""
    return tuple(
        requirement
        for requirement in catalogue
        if not requirement.refuses and applies(requirement, declaration)
        and not any(cells(requirement, declaration, environment))
    )


def cells(requirement: Requirement, declaration: Declaration, environment: Environment) -> Iterator[Cell]:
    """Yield the cells of a requirement that a sparsifier offers, or, for REFUSE, those that it must refuse."""
    axes = (
        requirement.layers, requirement.patterns, _dtypes(requirement, declaration), _devices(requirement, declaration)
    )
    if requirement.refuses:
        yield from _refused(requirement, axes, declaration, environment)
        return
    values = _one_at_a_time(axes)
    made = dict.fromkeys(_fitting(_cell(requirement, one, declaration, environment), requirement, declaration)
                         for one in values)
    yield from (
        cell for cell in made
        if not lacking(requirement, cell, declaration.capabilities) and is_promised(cell, declaration.contract)
    )


_Axes = tuple[tuple[str, ...], ...]


def _one_at_a_time(axes: _Axes) -> Iterator[tuple[str, ...]]:
    """Yield the canonical values, then every other value of each axis with the others canonical."""
    canonical = tuple(axis[0] for axis in axes)
    for position, axis in enumerate(axes):
        for value in axis:
            yield (*canonical[:position], value, *canonical[position + 1:])


def _cell(
    requirement: Requirement, values: tuple[str, ...], declaration: Declaration, environment: Environment
) -> Cell:
    layer, pattern, dtype, device = values
    pattern = resolve_pattern(pattern, declaration, layer)
    device = resolve_device(device, environment.devices)
    return Cell(declaration.sparsifier, requirement.id, layer, pattern, dtype, device)


def _refused(
    requirement: Requirement, axes: _Axes, declaration: Declaration, environment: Environment
) -> Iterator[Cell]:
    """Yield one cell per unsupported capability of the requirement, or per unsupported part of a pattern.

    Everything else that the cell needs is supported.
    """
    seen = set[tuple[str, ...]]()
    for values in itertools.product(*axes):
        cell = _cell(requirement, values, declaration, environment)
        without = lacking(requirement, cell, declaration.capabilities)
        what = _what_is_refused(cell, without[0]) if len(without) == 1 else ()
        if what and without[0] in requirement.refuses and what not in seen:
            is_declared = without[0].startswith(REST) or without[0] in declaration.capabilities.unsupported
            seen.add(what)
            yield from (cell,) if is_declared else ()


def _what_is_refused(cell: Cell, lacking: str) -> tuple[str, ...]:
    """Return the capability, and for a partly supported pattern also the unsupported layer or shape of blocks."""
    if not lacking.startswith(REST):
        return (lacking,)
    return (lacking, cell.pattern if lacking.endswith("block") else cell.layer)


def _devices(requirement: Requirement, declaration: Declaration) -> tuple[str, ...]:
    """Return the devices to judge on: the requirement's own, or the accelerator first if the CPU is unsupported."""
    support = declaration.capabilities.support
    if support("cpu") is Support.SUPPORTED or support("accelerator") is not Support.SUPPORTED:
        return requirement.devices
    return (ACCELERATOR, "cpu") if ACCELERATOR in requirement.devices else (ACCELERATOR,)


def _dtypes(requirement: Requirement, declaration: Declaration) -> tuple[str, ...]:
    """Return the dtypes to judge: the requirement's own, or the first supported one if float32 is not supported."""
    support = declaration.capabilities.support
    taken = next((dtype for dtype in DTYPES if support(dtype) is Support.SUPPORTED), None)
    is_canonical = requirement.dtypes[0] == "float32" and "float32" not in requirement.needs
    if taken is None or not is_canonical or support("float32") is not Support.UNSUPPORTED:
        return requirement.dtypes
    others = tuple(dtype for dtype in requirement.dtypes if dtype != taken)
    return (taken, *others) if len(requirement.dtypes) > 1 else (taken,)


def _fitting(cell: Cell, requirement: Requirement, declaration: Declaration) -> Cell:
    """Return the cell with another pattern or layer, if its pattern is not defined or not supported on its layer."""
    capabilities = declaration.capabilities
    pattern = supported_shape(cell.pattern, capabilities)
    if not has_meaning(pattern, cell.layer):
        pattern = "unstructured-0.5" if "unstructured" in capabilities.supported else "given"
    supported = (one for one in requirement.layers if set(layer_capabilities(one)) <= capabilities.supported)
    layers = itertools.chain((cell.layer,), supported)
    layer = next((one for one in layers if has_pattern(pattern, one, capabilities)), cell.layer)
    return Cell(cell.sparsifier, cell.requirement, layer, pattern, cell.dtype, cell.device)


def _planned(requirement: Requirement, cell: Cell, environment: Environment) -> Planned:
    why = _unavailable(requirement, cell, environment)
    return Planned(cell, "unavailable", why) if why else Planned(cell, "judge")


def _unavailable(requirement: Requirement, cell: Cell, environment: Environment) -> str:
    if cell.device not in environment.devices:
        return f"no {cell.device} device here"
    own = (TORCH_NEEDS.get(cell.layer, ""), DTYPE_NEEDS.get((cell.dtype, cell.device), ""))
    for specifier in (requirement.torch, *own):
        if not meets(environment.torch, specifier):
            return f"needs torch{specifier}, this is {environment.torch}"
    if cell.layer in MODELS and not environment.digits:
        return "needs the images of digits of scikit-learn; pip install 'sparsecheck[models]'"
    absent = () if cell.device == "cpu" else (one for one in requirement.offers if one not in environment.offers)
    return next((f"{cell.device} has no {one} here" for one in absent), "")


def introduced(cell: str) -> int:
    """Return the version of the catalogue that introduced a cell."""
    parsed = Cell.parse(cell)
    return by_id(parsed.requirement).introduced(parsed.layer, parsed.pattern, parsed.dtype, parsed.device)


def is_offered(cell: str, declaration: Declaration) -> bool:
    """Return whether a sparsifier supports all that a cell of this catalogue needs, and promises what it judges."""
    parsed = Cell.parse(cell)
    lacks = lacking(by_id(parsed.requirement), parsed, declaration.capabilities)
    return not lacks and is_promised(parsed, declaration.contract)


def supposed(requirement: Requirement, cell: Cell, declaration: Declaration) -> tuple[str, ...]:
    """Return the undeclared capabilities that a cell needs, in a probe."""
    return tuple(name for name in needed(requirement, cell) if name in declaration.supposed)


@dataclass(frozen=True)
class Balance:
    """The differences between the plan and the records, as cell ids; all empty if they agree."""

    missing: tuple[str, ...]
    doubled: tuple[str, ...]
    unplanned: tuple[str, ...]

    def __bool__(self) -> bool:
        return not (self.missing or self.doubled or self.unplanned)

    def __str__(self) -> str:
        return "; ".join(f"{len(cells)} {what}, first {cells[0]}" for what, cells in self.parts()) or "balanced"

    def parts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each kind of difference that there is, in words, with its cells."""
        parts = (("never judged", self.missing), ("judged twice", self.doubled), ("not planned", self.unplanned))
        yield from (part for part in parts if part[1])


def reconcile(planned: Iterable[str], records: Iterable[Record]) -> Balance:
    """Compare the planned cell ids with the records."""
    plan, judged = set(planned), Counter(record.cell for record in records)
    return Balance(
        missing=tuple(sorted(plan - set(judged))),
        doubled=tuple(sorted(cell for cell, times in judged.items() if times > 1)),
        unplanned=tuple(sorted(set(judged) - plan)),
    )
