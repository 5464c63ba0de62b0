"""Partition a ledger into shards of about equal duration, identically on every machine."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low

import msgspec

from ..values.record import Record, Share
from ..values.shard import Shard
from .ledger import Planned
from .report import read_partial

_TICK = 1e-4
"""The unit of durations, in seconds. Sums of whole ticks are the same on every machine."""


@dataclass(frozen=True)
class Weights:
    """The duration of each cell.

    Attributes:
        ticks: Durations by cell id, in ticks.
        unknown: The duration assumed for a cell without a record, in ticks.
    """

    ticks: Mapping[str, int] = field(default_factory=dict)
    unknown: int = 1

    def of(self, cell: str) -> int:
        return self.ticks.get(cell, self.unknown)


def weights(records: Iterable[Record]) -> Weights:
    """Return the recorded durations. Unknown cells get the median of all durations above zero."""
    ticks = {record.cell: round(record.seconds / _TICK) for record in records}
    took = [one for one in ticks.values() if one > 0]
    return Weights({cell: max(one, 1) for cell, one in ticks.items()}, median_low(took) if took else 1)


def read_weights(durations: Path | None) -> Weights:
    """Read cell durations from an earlier report; without one, weigh all cells equally.

    Args:
        durations: The report, which may be truncated.

    Raises:
        InvalidReport: The file is not a report.
        OSError: The file cannot be read.
    """
    return weights(read_partial(durations).records) if durations is not None else Weights()


def partition(cells: Sequence[str], count: int, weights: Weights) -> tuple[int, ...]:
    """Return the shard number of each cell, from 1 to `count`.

    Cells are assigned in order of decreasing duration, and by id among equals, each to the shard with the smallest sum
    so far. Among shards with equal sums, the first one differs from sparsifier to sparsifier, so that the remainders
    of many sparsifiers do not all go to one shard.
    """
    turn = _turn(cells)
    loads = [(0, (number - turn) % count, number) for number in range(1, count + 1)]
    heapq.heapify(loads)
    shards = [0] * len(cells)
    for place in sorted(range(len(cells)), key=lambda place: (-weights.of(cells[place]), cells[place])):
        load, rank, number = loads[0]
        shards[place] = number
        heapq.heapreplace(loads, (load + weights.of(cells[place]), rank, number))
    return tuple(shards)


def _turn(cells: Sequence[str]) -> int:
    name = cells[0].partition(":")[0] if cells else ""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def cells_of_shard(
    planned: tuple[Planned, ...], shard: Shard | None, weights: Weights
) -> tuple[tuple[Planned, ...], Share | None]:
    """Return the cells of one shard and its share of the ledger, or all cells if the run is not sharded."""
    if shard is None:
        return planned, None
    cells = [one.cell.id for one in planned]
    shards = partition(cells, shard.count, weights)
    places = tuple(place for place, number in enumerate(shards) if number == shard.number)
    ledger = ledger_digest(cells, shards, shard.count)
    return tuple(planned[place] for place in places), Share(ledger, places)


def ledger_digest(cells: Sequence[str], shards: Sequence[int], count: int) -> str:
    """Return a digest that identifies a sparsifier's whole ledger and its partition into shards."""
    return hashlib.sha256(msgspec.json.encode((count, cells, shards))).hexdigest()[:32]
