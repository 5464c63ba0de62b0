"""The observations of runs, and the scopes that failures of several sparsifiers share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from ...report.expectation import Expectation
from ...report.stale_entries import fails
from ...values.cell import Cell
from ...values.declaration import Declaration, Environment
from ...values.record import Record, Verdict
from .scope import Scope, joined, scope


@dataclass(frozen=True)
class Part:
    """The effect of one defect on one sparsifier.

    Attributes:
        name: The name of the sparsifier.
        failing: The cells that the defect breaks.
        sound: The cells that an entry must not cover.
        otherwise: Cells that fail for another reason. An entry covers them only if they fail for this reason in another
            sparsifier.
    """

    name: str
    failing: Sequence[Cell]
    sound: Sequence[Cell]
    otherwise: Sequence[Cell] = ()


@dataclass(frozen=True)
class Seen:
    """The observations of a run on one sparsifier, without regard to expectations.

    Unavailable cells and errors are in neither `failing` nor `sound`.

    Attributes:
        declaration: The declaration of the sparsifier.
        environment: The environment of the run.
        failing: The signature of each failing cell, whether the failure is known or not.
        sound: The cells that passed or were refused.
    """

    declaration: Declaration
    environment: Environment
    failing: Mapping[Cell, str]
    sound: tuple[Cell, ...]

    @property
    def name(self) -> str:
        """Return the name of the sparsifier."""
        return self.declaration.sparsifier

    def explained(self, entry: Expectation) -> list[Cell]:
        """Return the failing cells whose failures `entry` explains."""
        return [cell for cell, seen in self.failing.items() if entry.covers(cell) and entry.explains(seen)]

    def is_silent_on(self, entry: Expectation) -> bool:
        """Return whether the run says nothing about `entry`, which does not hold here or has no judged cell."""
        covered = any(entry.covers(cell) for cell in (*self.failing, *self.sound))
        return not covered or not entry.holds(self.declaration, self.environment)


_JUDGED = (Verdict.FAILED, Verdict.KNOWN, Verdict.PASSED, Verdict.REFUSED, Verdict.STALE)


def seen(
    declaration: Declaration, environment: Environment, planned: Sequence[str], records: Iterable[Record]
) -> Seen:
    """Return the observations in the records of one sparsifier, in the order of the plan."""
    by_cell = {record.cell: record for record in records}
    ordered = [(Cell.parse(id), by_cell[id]) for id in planned if id in by_cell]
    return Seen(
        declaration, environment,
        {cell: record.signature for cell, record in ordered if fails(record)},
        tuple(cell for cell, record in ordered if record.verdict in _JUDGED and not fails(record)),
    )


def shared_scope(parts: Sequence[Part]) -> Scope:
    """Return a scope that covers the failing cells of every sparsifier, and no sound cell of any.

    If a cell fails in one sparsifier and is sound in another, the cells of the scope name their sparsifiers.
    """
    groups: list[list[Part]] = []
    for part in parts:
        fitting = (group for group in groups if not _clash([*group, part]))
        group = next(fitting, None)
        if group is None:
            groups.append([part])
        else:
            group.append(part)
    return joined([([part.name for part in group], _scope(group)) for group in groups])


def _scope(group: Sequence[Part]) -> Scope:
    failing = _all(part.failing for part in group)
    avoid = _all(part.sound for part in group)
    avoid |= dict.fromkeys(cell for cell in _all(part.otherwise for part in group) if cell not in failing)
    return scope(tuple(failing), tuple(avoid))


def _clash(parts: Iterable[Part]) -> bool:
    parts = tuple(parts)
    return bool(_all(part.failing for part in parts).keys() & _all(part.sound for part in parts).keys())


def _all(several: Iterable[Iterable[Cell]]) -> dict[Cell, None]:
    """Return all cells in order, without their sparsifiers."""
    return dict.fromkeys(replace(cell, sparsifier="") for cells in several for cell in cells)


def slug(signature: str, requirement: str) -> str:
    """Return an id for a defect, made of the kind of failure and the first requirement that it breaks."""
    words = f"{signature.partition(': ')[0]} {requirement}".lower()
    return "-".join(re.findall("[a-z0-9]+", words)) or "defect"
