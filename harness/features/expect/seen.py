"""What runs saw of sparsifiers, and the scopes that their failures have in common. No torch here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from ...report.expectation import Expectation
from ...values.cell import Cell
from ...values.declaration import Declaration, Environment
from ...values.record import Record, Verdict
from .scope import Scope, joined, scope


@dataclass(frozen=True)
class Part:
    """What one defect does to one sparsifier.

    failing: The cells that it breaks. sound: The cells that it may not cover. otherwise: Cells that fail for another
    reason, which it covers only if they fail for this one in another sparsifier.
    """

    name: str
    failing: Sequence[Cell]
    sound: Sequence[Cell]
    otherwise: Sequence[Cell] = ()


@dataclass(frozen=True)
class Seen:
    """What a run saw of one sparsifier, expectations aside.

    failing: The signature of each cell that failed, known or not. sound: The cells that passed or were refused.
    Cells that were unavailable or an error are in neither.
    """

    declaration: Declaration
    environment: Environment
    failing: Mapping[Cell, str]
    sound: tuple[Cell, ...]

    @property
    def name(self) -> str:
        """The sparsifier's name."""
        return self.declaration.sparsifier

    def explained(self, entry: Expectation) -> list[Cell]:
        """Return the failing cells whose failure `entry` expects."""
        return [cell for cell, seen in self.failing.items() if entry.covers(cell) and entry.explains(seen)]

    def is_silent_on(self, entry: Expectation) -> bool:
        """Return whether the run says nothing about `entry`: it does not hold here, or no cell of it was judged."""
        covered = any(entry.covers(cell) for cell in (*self.failing, *self.sound))
        return not covered or not entry.holds(self.declaration, self.environment)


def seen(
    declaration: Declaration, environment: Environment, planned: Sequence[str], records: Iterable[Record]
) -> Seen:
    """Return what `records` say, in the order of the plan."""
    by_cell = {record.cell: record for record in records}
    ordered = [(Cell.parse(id), by_cell[id]) for id in planned if id in by_cell]
    failing = (Verdict.FAILED, Verdict.KNOWN)
    sound = (Verdict.PASSED, Verdict.REFUSED, Verdict.STALE)
    return Seen(
        declaration, environment,
        {cell: record.signature for cell, record in ordered if record.verdict in failing},
        tuple(cell for cell, record in ordered if record.verdict in sound),
    )


def shared_scope(parts: Sequence[Part]) -> Scope:
    """Return a scope that covers what fails in each of the sparsifiers, and no sound cell of any.

    Where a cell fails in one and is sound in another, the cells name their sparsifiers.
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
    """Return the cells, whichever sparsifier they are of, in order."""
    return dict.fromkeys(replace(cell, sparsifier="") for cells in several for cell in cells)


def slug(signature: str, requirement: str) -> str:
    """Return an id for a defect: the kind of failure and the first requirement that it breaks."""
    words = f"{signature.partition(': ')[0]} {requirement}".lower()
    return "-".join(re.findall("[a-z0-9]+", words)) or "defect"
