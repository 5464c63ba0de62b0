"""One ledger over several machines: the same partition on each, balanced by how long cells took. No torch here."""

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
"""Seconds: what records are rounded to. Whole ticks add up to the same sum everywhere."""


@dataclass(frozen=True)
class Weights:
    """How long each cell takes, in ticks. unknown: a cell of which nothing is recorded."""

    ticks: Mapping[str, int] = field(default_factory=dict)
    unknown: int = 1

    def of(self, cell: str) -> int:
        return self.ticks.get(cell, self.unknown)


def weights(records: Iterable[Record]) -> Weights:
    """As `records` say; what is unknown is taken for the median of what took any time."""
    ticks = {record.cell: round(record.seconds / _TICK) for record in records}
    took = [one for one in ticks.values() if one > 0]
    return Weights({cell: max(one, 1) for cell, one in ticks.items()}, median_low(took) if took else 1)


def read_weights(durations: Path | None) -> Weights:
    """Those of an earlier report, which may have been cut short; without one all cells weigh alike.

    Raises:
        InvalidReport: it is no report.
        OSError: it cannot be read.
    """
    return weights(read_partial(durations).records) if durations is not None else Weights()


def partition(cells: Sequence[str], count: int, weights: Weights) -> tuple[int, ...]:
    """For each cell the number of its shard: the longest first, each to the shard that has the least yet.

    Ties go by id. The shard that comes first among equals is another for each sparsifier, so that the odd cells of
    many do not all go to one.
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


def taken(
    planned: tuple[Planned, ...], shard: Shard | None, weights: Weights
) -> tuple[tuple[Planned, ...], Share | None]:
    """What one shard has of a sparsifier's whole ledger; all of it without one."""
    if shard is None:
        return planned, None
    cells = [one.cell.id for one in planned]
    shards = partition(cells, shard.count, weights)
    places = tuple(place for place, number in enumerate(shards) if number == shard.number)
    ledger = ledger_digest(cells, shards, shard.count)
    return tuple(planned[place] for place in places), Share(ledger, places)


def ledger_digest(cells: Sequence[str], shards: Sequence[int], count: int) -> str:
    """Identifies a sparsifier's whole ledger and its partition."""
    return hashlib.sha256(msgspec.json.encode((count, cells, shards))).hexdigest()[:32]
