"""A run held against what was, with further looks at what is in doubt: each in a fresh process, and at that alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from ...values.timing import Entry, State
from .compare import Change, Saved, Standing, against_rival, against_saved, is_open, settled
from .saved_timings import of_document
from .time_in_subprocesses import Bench, Timed, time_apart

LONGER = 3
"""So many times as long a further look may be: it is at little, and what it does not find is let pass."""

_FURTHER = ("a second", "a third")


@dataclass(frozen=True)
class Gate:
    """saved: what is held against; None where the other version took turns. allowance: how much slower is not slower,
    as a fraction."""

    allowance: float
    saved: tuple[Saved, ...] | None = None

    def changes(self, timed: Timed, seconds: Mapping[Entry, float] | None = None) -> tuple[Change, ...]:
        """Every entry, planned or saved, and how it stands. seconds: what was taken in a first look, so that another
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


def look_closer(bench: Bench, gate: Gate, timed: Timed, tell: Callable[[str], None]) -> tuple[Change, ...]:
    """How everything stands once what is in doubt has been timed again."""
    seen = {change.entry: [change] for change in gate.changes(timed)}
    seconds = {timing.entry: timing.median for timing in timed.timings}
    for ordinal in _FURTHER:
        doubtful = [entry for entry, changes in seen.items() if is_open(changes)]
        if not doubtful:
            break
        tell(f"{ordinal} look at {len(doubtful)} of {len(seen)}, in fresh processes")
        for change in _again(bench, gate, doubtful, seconds, tell):
            seen[change.entry].append(change)
    return tuple(map(settled, seen.values()))


def _again(
    bench: Bench, gate: Gate, entries: Sequence[Entry], seconds: Mapping[Entry, float], tell: Callable[[str], None]
) -> Iterator[Change]:
    """Of `entries` alone."""
    budget = bench.settings.budget * LONGER
    for name in dict.fromkeys(entry.sparsifier for entry in entries):
        keys = tuple(sorted(entry.key for entry in entries if entry.sparsifier == name))
        settings = structs.replace(
            bench.settings, scope=structs.replace(bench.settings.scope, only=keys), budget=budget
        )
        timed = time_apart(replace(bench, names=(name,), settings=settings, limit=bench.limit * LONGER), tell)
        yield from (change for change in gate.changes(timed, seconds) if change.entry in entries)


def gate_exit_code(changes: Iterable[Change]) -> int:
    """0: nothing is worse. 1: something surely is, or was not measured. 3: nothing could be compared at all."""
    standings = [change.standing for change in changes]
    if any(standing.is_red for standing in standings):
        return 1
    return 0 if any(standing not in (Standing.NEW, Standing.UNLIKE) for standing in standings) else 3
