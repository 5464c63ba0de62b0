"""Compare one entry with its baseline: is it significantly slower, or does it execute different operators?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum

from msgspec import Struct, structs

from ...values.timing import Comparison, Counts, Entry, Ratio, State, Timing
from .ratio_statistics import is_above

SHORT = 1e-4
"""Operations shorter than this many seconds are allowed `SHORT_FACTOR` times the slowdown, at most `SAVED_ALLOWANCE`,
because the overhead of timing them weighs more."""

SHORT_FACTOR = 5
"""The factor by which the allowed slowdown of short operations is larger."""

ALLOWANCE = 0.03
"""The default allowed slowdown, as a fraction, against a rival that was timed in turns."""

SAVED_ALLOWANCE = 0.25
"""The default allowed slowdown, as a fraction, against saved timings: under another load of the machine, identical code
sometimes takes a fifth longer."""

CARRIED: tuple[Comparison, ...] = ("exemplar", "floor")
"""The comparisons whose ratios are compared with the saved ratios. A slower sparsifier raises both ratios alike;
another load of the machine changes them differently, because it affects long and short operations differently."""

TOO_WIDE = 0.2
"""The width of an interval, as a fraction of its median, above which a slowdown of 10 % would not show. If the
allowance is larger, the interval may be as wide as the allowance."""


class Standing(Enum):
    """The result of comparing one entry with its baseline."""

    STEADY = "steady"
    FASTER = "faster"
    SLOWER = "slower"
    SUSPECT = "slower once, and not again"
    TOO_NOISY = "too noisy to tell"
    OTHER_WORK = "other work"
    LESS_WORK = "less work"
    MISSING = "not measured"
    NEW = "new"
    UNLIKE = "not comparable"

    @property
    def is_red(self) -> bool:
        return self in (Standing.SLOWER, Standing.OTHER_WORK, Standing.MISSING)


class Change(Struct, frozen=True):
    """One entry compared with its baseline.

    Attributes:
        entry: The entry.
        standing: The result.
        message: The reason for the result, or an empty string.
        ratio: Time over baseline time, the smallest if there are several; None if there is none.
        leans: Whether the median is slower than allowed, but not significantly.
    """

    entry: Entry
    standing: Standing
    message: str = ""
    ratio: Ratio | None = None
    leans: bool = False


class Saved(Struct, frozen=True):
    """One entry of a file of timings.

    Attributes:
        timing: The timing.
        place: The hardware and software it ran on, by name. Ratios are compared only if all of it is equal; counts are
            compared if torch and Python are.
        load: The one-minute load average of the machine at that time.
    """

    timing: Timing
    place: Mapping[str, str]
    load: float = 0.0


def allowed(seconds: float, allowance: float) -> float:
    """Return the allowed slowdown, as a fraction, of an operation that takes `seconds`."""
    if seconds >= SHORT:
        return allowance
    return max(allowance, min(allowance * SHORT_FACTOR, SAVED_ALLOWANCE))


def compare_with_rival(timing: Timing, allowance: float, seconds: float | None = None) -> Change:
    """Compare an entry with the rival that took turns with it.

    Args:
        timing: The timing, with a ratio to the rival.
        allowance: The allowed slowdown of operations that are not short, as a fraction.
        seconds: The duration that decides whether the operation is short; its median if None.
    """
    if timing.state is not State.TIMED or "rival" not in timing.ratios:
        return Change(timing.entry, Standing.MISSING, timing.message or "it was not timed against the other version")
    return _standing(timing, {"rival": timing.ratios["rival"]}, _allowed(timing, allowance, seconds))


def compare_with_saved(
    timing: Timing | None, saved: Saved, place: Mapping[str, str], allowance: float, seconds: float | None = None
) -> Change:
    """Compare an entry with its saved timing: its counts exactly, then its ratios to the exemplar and the floor.

    Args:
        timing: The new timing; None if the entry was not planned.
        saved: The saved timing.
        place: The hardware and software of the new timing.
        allowance: The allowed slowdown of operations that are not short, as a fraction.
        seconds: The duration that decides whether the operation is short; its median if None.
    """
    entry = saved.timing.entry
    if timing is None or timing.state is not State.TIMED:
        return Change(entry, Standing.MISSING, timing.message if timing else "it is in the file, but was not planned")
    other = [name for name, value in saved.place.items() if place.get(name) != value]
    if not {"torch", "python"} & set(other) and (why := describe_other_work(saved.timing.counts, timing.counts)):
        standing = Standing.LESS_WORK if _is_less(saved.timing.counts, timing.counts) else Standing.OTHER_WORK
        return Change(entry, standing, why)
    found = _carried(timing.ratios, saved.timing.ratios)
    if not found:
        return Change(entry, Standing.UNLIKE, "the two timings have no comparison in common")
    if other:
        return Change(entry, Standing.UNLIKE, f"saved with another {', '.join(other)}", _least(found.values()))
    return _standing(timing, found, _allowed(timing, allowance, seconds))


def _carried(now: Mapping[Comparison, Ratio], then: Mapping[Comparison, Ratio]) -> dict[Comparison, Ratio]:
    return {name: over(now[name], then[name]) for name in CARRIED if name in now and name in then}


def _allowed(timing: Timing, allowance: float, seconds: float | None) -> float:
    return allowed(timing.median if seconds is None else seconds, allowance)


def over(now: Ratio, then: Ratio) -> Ratio:
    """Return the quotient of two ratios, with the interval that both intervals allow."""
    return Ratio(
        now.median / then.median, now.low / then.high, now.high / then.low, now.quantile / then.quantile,
        min(now.pairs, then.pairs),
    )


def _standing(timing: Timing, found: Mapping[Comparison, Ratio], allowance: float) -> Change:
    entry, decides = timing.entry, _least(found.values())
    leans = all(one.median > 1 + allowance for one in found.values())
    if is_above(decides, allowance):
        noise = timing.ratios.get("self")
        if noise is not None and is_above(noise, allowance):
            return Change(entry, Standing.TOO_NOISY, "its ratio to itself is as large", decides, leans)
        return Change(entry, Standing.SLOWER, f"over {' and '.join(found)}; {allowance:.0%} is allowed", decides)
    if not _is_known(found.values(), allowance):
        width = max(one.width for one in found.values())
        return Change(entry, Standing.TOO_NOISY, f"its interval is {width:.0%} wide", decides, leans)
    is_faster = all(is_above(inverse(one), allowance) for one in found.values())
    return Change(entry, Standing.FASTER if is_faster else Standing.STEADY, "", decides, leans)


def _is_known(found: Collection[Ratio], allowance: float) -> bool:
    """Return whether a forbidden slowdown would have shown.

    One ratio with a narrow interval whose median is within the allowance is enough; otherwise all intervals must be
    narrow.
    """
    limit = max(TOO_WIDE, allowance)
    known = [one for one in found if one.width <= limit]
    return len(known) == len(found) or any(one.median <= 1 + allowance for one in known)


def _least(found: Iterable[Ratio]) -> Ratio:
    """Return the ratio with the lowest lower bound: if it is significantly above the allowance, all are."""
    return min(found, key=lambda one: min(one.low, one.quantile))


def inverse(found: Ratio) -> Ratio:
    """Return the reciprocal of a ratio."""
    return Ratio(1 / found.median, 1 / found.high, 1 / found.low, 1 / found.quantile, found.pairs)


def describe_other_work(then: Counts | None, now: Counts | None) -> str:
    """Describe the counts that differ; return an empty string if none do."""
    return ", ".join(_differing_counts(then or Counts(), now or Counts()))


def _differing_counts(then: Counts, now: Counts) -> Iterator[str]:
    for name in sorted({*then.operators, *now.operators}):
        before, after = then.operators.get(name, 0), now.operators.get(name, 0)
        if before != after:
            yield f"{name} {after} times instead of {before}"
    for field in structs.fields(Counts):
        before, after = getattr(then, field.name), getattr(now, field.name)
        if field.name != "operators" and before != after:
            yield f"{field.name} {after} instead of {before} ({after - before:+})"


def _is_less(then: Counts | None, now: Counts | None) -> bool:
    """Return whether no count has increased."""
    then, now = then or Counts(), now or Counts()
    if any(count > then.operators.get(name, 0) for name, count in now.operators.items()):
        return False
    fields = [field.name for field in structs.fields(Counts) if field.name != "operators"]
    return all(getattr(now, name) <= getattr(then, name) for name in fields)


CONFIRMATIONS = 2
"""The measurements, each in a fresh process, that must find an entry slower before the gate fails."""

MEASUREMENTS = 3
"""The measurements of an entry at most."""


def needs_confirmation(seen: Sequence[Change]) -> bool:
    """Return whether another measurement of an entry could still change its result.

    Args:
        seen: The results of the measurements so far.
    """
    alarms = sum(change.standing is Standing.SLOWER for change in seen)
    is_in_doubt = seen[-1].standing is Standing.SLOWER or seen[-1].leans
    return is_in_doubt and alarms < CONFIRMATIONS <= alarms + MEASUREMENTS - len(seen)


def conclude(seen: Sequence[Change]) -> Change:
    """Return the result of an entry after all its measurements; later measurements that failed do not count."""
    seen = [seen[0], *(change for change in seen[1:] if change.standing is not Standing.MISSING)]
    alarms = [change for change in seen if change.standing is Standing.SLOWER]
    if len(alarms) >= CONFIRMATIONS:
        return alarms[0]
    if not alarms:
        return seen[-1]
    if len(seen) == 1:
        return structs.replace(alarms[0], message="the second measurement failed")
    return structs.replace(alarms[0], standing=Standing.SUSPECT, message=f"found by one of {len(seen)} measurements")
