"""The gate: what is slower than it was, or does other work, and is surely so. Never what is faster."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum

from msgspec import Struct, structs

from ...values.timing import Comparison, Counts, Entry, Ratio, State, Timing
from .ratio_statistics import is_above

SHORT = 1e-4
"""Seconds below which an operation is allowed `MORE_IF_SHORT` times as much, up to `SAVED_ALLOWANCE`: what surrounds it
weighs more."""

MORE_IF_SHORT = 5
ALLOWANCE = 0.03
"""How much slower than what took turns with it an operation may be, as a fraction, where nothing else is asked for."""
SAVED_ALLOWANCE = 0.25
"""The same of what was saved by another process, at another time: with other neighbours identical code takes a fifth
longer at times."""
CARRIED: tuple[Comparison, ...] = ("exemplar", "floor")
"""What is held against what was saved: the ratio to each, where it has both. What slows the sparsifier down raises both
alike; neighbours of another hour, who take up caches and memory, stretch what is long and what is short unlike."""
TOO_WIDE = 0.2
"""An interval that wide, as a fraction of its median, would not show that something became slower by a tenth. Where
more is allowed, it may be as wide as that."""


class Standing(Enum):
    """How one entry stands to what it was."""

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
    """One entry held against what it was. ratio: over what it was, the least if there are several; None where
    there is none to tell by. message: why it stands so. leans: whether it is slower than allowed by its median, and not
    surely."""

    entry: Entry
    standing: Standing
    message: str = ""
    ratio: Ratio | None = None
    leans: bool = False


class Saved(Struct, frozen=True):
    """One entry as it was saved. place: what it ran on and with, which ratios are not compared across; counts are,
    where torch and Python are the same. load: of the machine, as it was then: processes waiting, over one minute."""

    timing: Timing
    place: Mapping[str, str]
    load: float = 0.0


def allowed(seconds: float, allowance: float) -> float:
    """How much slower an operation of so many seconds may be, as a fraction."""
    if seconds >= SHORT:
        return allowance
    return max(allowance, min(allowance * MORE_IF_SHORT, SAVED_ALLOWANCE))


def against_rival(timing: Timing, allowance: float, seconds: float | None = None) -> Change:
    """Held against the other version that it took turns with. seconds: what it takes, if not what it took now."""
    if timing.state is not State.TIMED or "rival" not in timing.ratios:
        return Change(timing.entry, Standing.MISSING, timing.message or "it took no turns with the other version")
    return _standing(timing, {"rival": timing.ratios["rival"]}, _allowed(timing, allowance, seconds))


def against_saved(
    timing: Timing | None, saved: Saved, place: Mapping[str, str], allowance: float, seconds: float | None = None
) -> Change:
    """Held against what was saved: its work, exactly; then its ratio to each that it was timed against then and now.
    seconds: what it takes, if not what it took now."""
    entry = saved.timing.entry
    if timing is None or timing.state is not State.TIMED:
        return Change(entry, Standing.MISSING, timing.message if timing else "it is saved, and was not planned")
    other = [name for name, value in saved.place.items() if place.get(name) != value]
    if not {"torch", "python"} & set(other) and (why := other_work(saved.timing.counts, timing.counts)):
        standing = Standing.LESS_WORK if _is_less(saved.timing.counts, timing.counts) else Standing.OTHER_WORK
        return Change(entry, standing, why)
    found = _carried(timing.ratios, saved.timing.ratios)
    if not found:
        return Change(entry, Standing.UNLIKE, "nothing that it was timed against then was it timed against now")
    if other:
        return Change(entry, Standing.UNLIKE, f"saved with another {', '.join(other)}", _least(found.values()))
    return _standing(timing, found, _allowed(timing, allowance, seconds))


def _carried(now: Mapping[Comparison, Ratio], then: Mapping[Comparison, Ratio]) -> dict[Comparison, Ratio]:
    return {name: over(now[name], then[name]) for name in CARRIED if name in now and name in then}


def _allowed(timing: Timing, allowance: float, seconds: float | None) -> float:
    return allowed(timing.median if seconds is None else seconds, allowance)


def over(now: Ratio, then: Ratio) -> Ratio:
    """A ratio over another; its interval is as wide as both together."""
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
            return Change(entry, Standing.TOO_NOISY, "it was as much slower than itself", decides, leans)
        return Change(entry, Standing.SLOWER, f"over {' and '.join(found)}; allowed are {allowance:.0%}", decides)
    if not _is_known(found.values(), allowance):
        width = max(one.width for one in found.values())
        return Change(entry, Standing.TOO_NOISY, f"known to {width:.0%} alone", decides, leans)
    is_faster = all(is_above(inverse(one), allowance) for one in found.values())
    return Change(entry, Standing.FASTER if is_faster else Standing.STEADY, "", decides, leans)


def _is_known(found: Collection[Ratio], allowance: float) -> bool:
    """Whether something slower than allowed would have shown: one ratio that does not lean that way and is known well
    enough says that it is not; where all lean, all are to be known so."""
    limit = max(TOO_WIDE, allowance)
    known = [one for one in found if one.width <= limit]
    return len(known) == len(found) or any(one.median <= 1 + allowance for one in known)


def _least(found: Iterable[Ratio]) -> Ratio:
    """The one that is the least sure to be above whatever is allowed: where it is, all are."""
    return min(found, key=lambda one: min(one.low, one.quantile))


def inverse(found: Ratio) -> Ratio:
    return Ratio(1 / found.median, 1 / found.high, 1 / found.low, 1 / found.quantile, found.pairs)


def other_work(then: Counts | None, now: Counts | None) -> str:
    """What is counted otherwise, in words; nothing if all is the same."""
    return ", ".join(_other_work(then or Counts(), now or Counts()))


def _other_work(then: Counts, now: Counts) -> Iterator[str]:
    for name in sorted({*then.operators, *now.operators}):
        before, after = then.operators.get(name, 0), now.operators.get(name, 0)
        if before != after:
            yield f"{name} {after} times instead of {before}"
    for field in structs.fields(Counts):
        before, after = getattr(then, field.name), getattr(now, field.name)
        if field.name != "operators" and before != after:
            yield f"{field.name} {after} instead of {before} ({after - before:+})"


def _is_less(then: Counts | None, now: Counts | None) -> bool:
    """Whether nothing is counted more often than it was."""
    then, now = then or Counts(), now or Counts()
    if any(count > then.operators.get(name, 0) for name, count in now.operators.items()):
        return False
    fields = [field.name for field in structs.fields(Counts) if field.name != "operators"]
    return all(getattr(now, name) <= getattr(then, name) for name in fields)


CONFIRMED, LOOKS = 2, 3
"""Looks, each in a fresh process, that are to find an entry slower before it is said to be; and looks at the most."""


def is_open(seen: Sequence[Change]) -> bool:
    """Whether another look at an entry, after those that `seen` is of, may find what they did not settle."""
    alarms = sum(change.standing is Standing.SLOWER for change in seen)
    is_in_doubt = seen[-1].standing is Standing.SLOWER or seen[-1].leans
    return is_in_doubt and alarms < CONFIRMED <= alarms + LOOKS - len(seen)


def settled(seen: Sequence[Change]) -> Change:
    """How an entry stands after all looks at it. What a later look could not measure is none."""
    seen = [seen[0], *(change for change in seen[1:] if change.standing is not Standing.MISSING)]
    alarms = [change for change in seen if change.standing is Standing.SLOWER]
    if len(alarms) >= CONFIRMED:
        return alarms[0]
    if not alarms:
        return seen[-1]
    if len(seen) == 1:
        return structs.replace(alarms[0], message="no second look could be had")
    return structs.replace(alarms[0], standing=Standing.SUSPECT, message=f"one look of {len(seen)} found it")
