"""A run held against what was, with a second look at what alarmed: in a fresh process, and at that alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from msgspec import structs

from ..values.timing import Entry, State
from .gate import Change, Saved, Standing, against_rival, against_saved, confirmed
from .saved import of_document
from .time_apart import Bench, Timed, time_apart

LONGER = 3
"""So many times as long the second look may be: it is at little, and what it does not find is let pass."""


@dataclass(frozen=True)
class Gate:
    """saved: what is held against; None where the other version took turns. allowance: how much slower is not slower,
    as a fraction."""

    allowance: float
    saved: tuple[Saved, ...] | None = None

    def changes(self, timed: Timed, seconds: Mapping[Entry, float] | None = None) -> tuple[Change, ...]:
        """Every entry, planned or saved, and how it stands. seconds: what was taken in a first look, so that the second
        allows no more of what takes about as long as makes the difference."""
        took = seconds or {}
        if self.saved is None:
            offered = (timing for timing in timed.timings if timing.state is not State.NOT_OFFERED)
            return tuple(against_rival(timing, self.allowance, took.get(timing.entry)) for timing in offered)
        timings = {timing.entry: timing for timing in timed.timings}
        places = _places(timed)
        held = {
            one.timing.entry: against_saved(
                timings.get(one.timing.entry), one, places.get(one.timing.entry, {}), self.allowance,
                took.get(one.timing.entry),
            )
            for one in self.saved
        }
        new = (timing.entry for timing in timed.timings if timing.state is State.TIMED and timing.entry not in held)
        return (*held.values(), *(Change(entry, Standing.NEW, "nothing is saved of it") for entry in new))


def _places(timed: Timed) -> dict[Entry, Mapping[str, str]]:
    return {one.timing.entry: one.place for one in of_document(timed.document)} if timed.document else {}


def look_twice(bench: Bench, gate: Gate, timed: Timed, tell: Callable[[str], None]) -> tuple[Change, ...]:
    """How everything stands once what alarmed has been timed again."""
    first = gate.changes(timed)
    alarmed = [change.entry for change in first if change.standing is Standing.SLOWER]
    if not alarmed:
        return first
    tell(f"a second look at {len(alarmed)} of {len(first)}, in fresh processes")
    scope = structs.replace(bench.settings.scope, only=tuple(sorted({entry.key for entry in alarmed})))
    settings = structs.replace(bench.settings, scope=scope, budget=bench.settings.budget * LONGER)
    again = replace(bench, names=tuple(dict.fromkeys(entry.sparsifier for entry in alarmed)), settings=settings)
    seconds = {timing.entry: timing.median for timing in timed.timings}
    return confirmed(first, {change.entry: change for change in gate.changes(time_apart(again, tell), seconds)})


def gate_exit_code(changes: Iterable[Change]) -> int:
    """0: nothing is worse. 1: something surely is, or was not measured. 3: nothing could be compared at all."""
    standings = [change.standing for change in changes]
    if any(standing.is_red for standing in standings):
        return 1
    return 0 if any(standing not in (Standing.NEW, Standing.UNLIKE) for standing in standings) else 3
