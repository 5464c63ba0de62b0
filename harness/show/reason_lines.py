"""Render the reasons for an exit code other than 0 as lines, for every document about a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..report.reasons import Reason
from .defects import counted
from .escaping import one_line


def reason_lines(found: Iterable[Reason]) -> Iterator[str]:
    """Yield a line per sparsifier and kind of reason, with the number of cells or the explanation."""
    groups: dict[tuple[str, str], list[Reason]] = {}
    for one in found:
        groups.setdefault((one.sparsifier, one.kind), []).append(one)
    for (sparsifier, kind), those in groups.items():
        cells = {cell for one in those for cell in one.cells}
        said = counted(len(cells), "cell") if cells else "; ".join(one.sentence for one in those)
        yield one_line(f"{sparsifier}: {kind}: {said}" if sparsifier else f"{kind}: {said}")
