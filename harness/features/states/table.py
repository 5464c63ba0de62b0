"""Render readings as tables: per sparsifier, writing torch release x reading torch release. Does not import torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from .readings import RED, Reading, Verdict

_WORST: tuple[Verdict, ...] = ("damaged", "unsafe", "failed", "unavailable", "known", "restored")


def render_table(readings: Sequence[Reading]) -> Iterator[str]:
    """Yield a table per sparsifier, with its findings below, and finally the number of readings per result."""
    for name in sorted({one.sparsifier for one in readings}):
        own = [one for one in readings if one.sparsifier == name]
        yield name or "(no sparsifier)"
        yield from (f"  {line}".rstrip() for line in _table(own))
        yield from (f"  {line}" for line in _findings(own))
    counts = Counter(one.verdict for one in readings)
    totals = ", ".join(f"{counts[verdict]} {verdict}" for verdict in reversed(_WORST) if counts[verdict])
    yield f"{len(readings)} readings: {totals or 'none'}"


def _table(readings: Sequence[Reading]) -> Iterator[str]:
    writers, readers = _sorted(one.written for one in readings), _sorted(one.reader.release for one in readings)
    yield "written \\ read  " + "  ".join(f"{reader:11}" for reader in readers)
    for writer in writers:
        cells = (_cell(readings, writer, reader) for reader in readers)
        yield f"{writer:14}  " + "  ".join(f"{cell:11}" for cell in cells)


def _cell(readings: Sequence[Reading], writer: str, reader: str) -> str:
    found = [one.verdict for one in readings if (one.written, one.reader.release) == (writer, reader)]
    worst = min(found, key=_WORST.index, default=None)
    return "-" if worst is None else worst.upper() if worst in RED else worst


def _findings(readings: Sequence[Reading]) -> Iterator[str]:
    """Yield each distinct finding once, with the states that it is about."""
    found = dict[str, list[Reading]]()
    for one in readings:
        for sentence in filter(None, (one.finding, one.moved)):
            found.setdefault(sentence, []).append(one)
    every = _sorted(one.written for one in readings)
    for sentence, where in found.items():
        yield f"{_places(where, every)}: {sentence}"


def _places(where: Sequence[Reading], every: list[str]) -> str:
    """Return the states by writing and reading release, such as `all read under 2.1, 2.4; 2.1 read under 2.7`."""
    readers = dict[tuple[str, ...], list[str]]()
    for reader in _sorted(one.reader.release for one in where):
        written = _sorted(one.written for one in where if one.reader.release == reader)
        readers.setdefault(tuple(written), []).append(reader)
    return "; ".join(
        f"{'all' if list(written) == every and len(every) > 1 else ', '.join(written)} read under {', '.join(under)}"
        for written, under in readers.items()
    )


def _sorted(releases: Iterator[str]) -> list[str]:
    return sorted(set(releases), key=lambda release: tuple(map(int, release.split("."))))
