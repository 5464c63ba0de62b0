"""Compare a whole run with its baseline, and measure doubtful entries again, each time in a fresh process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from ...values.timing import Entry, State
from .compare import Change, Saved, Standing, compare_with_rival, compare_with_saved, conclude, needs_confirmation
from .saved_timings import of_document
from .time_in_subprocesses import Bench, Timed, time_in_subprocesses

BUDGET_FACTOR = 3
"""How much longer a repeated measurement may take: it times few entries, and a slowdown that it misses passes."""

_FURTHER = ("a second", "a third")


@dataclass(frozen=True)
class Gate:
    """The rule that decides whether a run is slower than its baseline.

    Attributes:
        allowance: The allowed slowdown of operations that are not short, as a fraction.
        saved: The saved timings to compare with; None to compare with the rival that took turns.
    """

    allowance: float
    saved: tuple[Saved, ...] | None = None

    def changes(self, timed: Timed, seconds: Mapping[Entry, float] | None = None) -> tuple[Change, ...]:
        """Return the result of every entry, planned or saved.

        Args:
            timed: The run.
            seconds: The medians of the first measurement, so that an entry near the limit of short operations is
                allowed the same slowdown in every measurement.
        """
        took = seconds or {}
        if self.saved is None:
            offered = (timing for timing in timed.timings if timing.state is not State.NOT_OFFERED)
            return tuple(compare_with_rival(timing, self.allowance, took.get(timing.entry)) for timing in offered)
        timings = {timing.entry: timing for timing in timed.timings}
        places = _places(timed)
        compared = {
            one.timing.entry: compare_with_saved(
                timings.get(one.timing.entry), one, places.get(one.timing.entry, {}), self.allowance,
                took.get(one.timing.entry),
            )
            for one in self.saved
        }
        new = (timing.entry for timing in timed.timings if timing.state is State.TIMED and timing.entry not in compared)
        return (*compared.values(), *(Change(entry, Standing.NEW, "it is not in the file") for entry in new))


def _places(timed: Timed) -> dict[Entry, Mapping[str, str]]:
    return {one.timing.entry: one.place for one in of_document(timed.document)} if timed.document else {}


def check_run(bench: Bench, gate: Gate, timed: Timed, show: Callable[[str], None]) -> tuple[Change, ...]:
    """Return the result of every entry, after measuring doubtful ones again.

    Args:
        bench: The request of the run.
        gate: The rule.
        timed: The run.
        show: Receives a line per repeated measurement.
    """
    seen = {change.entry: [change] for change in gate.changes(timed)}
    seconds = {timing.entry: timing.median for timing in timed.timings}
    for ordinal in _FURTHER:
        doubtful = [entry for entry, changes in seen.items() if needs_confirmation(changes)]
        if not doubtful:
            break
        show(f"{ordinal} measurement of {len(doubtful)} of {len(seen)}, in fresh processes")
        for change in _measure_again(bench, gate, doubtful, seconds, show):
            seen[change.entry].append(change)
    return tuple(map(conclude, seen.values()))


def _measure_again(
    bench: Bench, gate: Gate, entries: Sequence[Entry], seconds: Mapping[Entry, float], show: Callable[[str], None]
) -> Iterator[Change]:
    """Yield the results of another measurement of `entries` alone."""
    budget = bench.settings.budget * BUDGET_FACTOR
    for name in dict.fromkeys(entry.sparsifier for entry in entries):
        keys = tuple(sorted(entry.key for entry in entries if entry.sparsifier == name))
        settings = structs.replace(
            bench.settings, scope=structs.replace(bench.settings.scope, only=keys), budget=budget
        )
        again = replace(bench, names=(name,), settings=settings, limit=bench.limit * BUDGET_FACTOR)
        timed = time_in_subprocesses(again, show)
        yield from (change for change in gate.changes(timed, seconds) if change.entry in entries)


def gate_exit_code(changes: Iterable[Change]) -> int:
    """Return the exit code of a gate.

    Returns:
        0 if nothing is slower; 1 if an entry is slower, does other work or was not measured; 3 if nothing could be
        compared.
    """
    standings = [change.standing for change in changes]
    if any(standing.is_red for standing in standings):
        return 1
    return 0 if any(standing not in (Standing.NEW, Standing.UNLIKE) for standing in standings) else 3
