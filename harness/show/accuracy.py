"""Show the accuracy of the real networks of a run, on which no verdict depends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..values.cell import Cell
from ..values.record import Accuracy, Record


def accuracy_in_words(records: Iterable[Record]) -> str:
    """Return the accuracy of each network, dense, sparse and, if it is known, resumed; empty if there is none."""
    found: dict[str, Accuracy] = {}
    for record in records:
        if record.accuracy is not None:
            layer = Cell.parse(record.cell).layer
            earlier = found.get(layer)
            if earlier is None or earlier.resumed is None:
                found[layer] = record.accuracy
    return "; ".join(f"{layer} {', '.join(_parts(one))}" for layer, one in found.items())


def _parts(accuracy: Accuracy) -> Iterator[str]:
    yield f"{accuracy.dense:.0%} dense"
    yield f"{accuracy.sparse:.0%} sparse"
    if accuracy.resumed is not None:
        yield f"{accuracy.resumed:.0%} resumed"


def accuracy_lines(records: Iterable[Record]) -> Iterator[str]:
    """Yield a line with the accuracy of the real networks, if any was measured."""
    if shown := accuracy_in_words(records):
        yield f"  accuracy: {shown}"
