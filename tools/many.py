"""Measure the time and memory that large reports take, with generated records.

`python -m tools.many 200000` writes the shards of such a run, merges, shows and renders them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from sparsecheck.catalogue import CATALOGUE
from sparsecheck.report.ledger import enumerate_cells
from sparsecheck.report.report import Report, write
from sparsecheck.report.sharding import Weights, ledger_digest, partition
from sparsecheck.values.record import Footer, Record, Share, Subject, Verdict
from sparsecheck.values.selection import Selection
from tests.samples import declaration, environment, report

MESSAGE = "output differs at {} of 160 entries, first at (0, 2): expected 0.25, seen 0.5, in /some/where/module.py"
AXES = tuple(one.cell.axes for one in enumerate_cells(CATALOGUE, declaration(), Selection(), environment()))
"""The cells of one sparsifier, without its name."""


def many(count: int) -> Report:
    """Return a complete report of `count` records, on as many sparsifiers as that takes."""
    subjects, records = list[Subject](), list[Record]()
    for number in range(-(-count // len(AXES))):
        name = f"sparsifier-{number:05}"
        cells = tuple(f"{name}:{axes}" for axes in AXES[: count - number * len(AXES)])
        subjects.append(Subject(name, declaration(name=name), environment(), planned=cells))
        records += (_record(cell, number + place) for place, cell in enumerate(cells))
    return _whole(subjects, records, "")


def _record(cell: str, number: int) -> Record:
    seconds = round(number * 7919 % 400 / 10_000, 4)
    if number % 10 == 0:
        return Record(cell, Verdict.KNOWN, "output-differs", MESSAGE.format(number % 160), reason="It was ever so.",
                      link="https://example.org/issues/7", seconds=seconds)
    if number % 10 == 1:
        return Record(cell, Verdict.REFUSED, refused_by="package", seconds=seconds)
    if number % 10 == 2:
        return Record(cell, Verdict.UNAVAILABLE, reason="no cuda device here")
    return Record(cell, Verdict.PASSED, seconds=seconds)


def _whole(subjects: Sequence[Subject], records: Sequence[Record], shard: str) -> Report:
    header = replace(report().header, subjects=tuple(subjects), shard=shard)
    partial = Report(header, tuple(records), None)
    return Report(header, partial.records, Footer(partial.outcomes()))


def shards(whole: Report, count: int, weights: Weights | None = None) -> list[Report]:
    """Return the reports that `count` machines would have written of the run in `whole`."""
    weights, owner = weights or Weights(), dict[str, int]()
    parts: list[list[Subject]] = [[] for _ in range(count)]
    for subject in whole.header.subjects:
        numbers = partition(subject.planned, count, weights)
        owner.update(zip(subject.planned, numbers, strict=True))
        ledger = ledger_digest(subject.planned, numbers, count)
        for number, part in enumerate(parts, 1):
            places = tuple(place for place, one in enumerate(numbers) if one == number)
            cells = tuple(subject.planned[place] for place in places)
            part.append(replace(subject, planned=cells, share=Share(ledger, places)))
    records: list[list[Record]] = [[] for _ in range(count)]
    for record in whole.records:
        records[owner[record.cell] - 1].append(record)
    return [
        _whole(part, those, f"{number}/{count}")
        for number, (part, those) in enumerate(zip(parts, records, strict=True), 1)
    ]


def measured(folder: Path, *arguments: str) -> tuple[int, float, float, float]:
    """Exit code, seconds, those of the processor, and mebibytes of one `sparsecheck` in `folder`, all that it took."""
    start, child = time.perf_counter(), os.fork()
    if child == 0:
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execv(sys.executable, [sys.executable, "-m", "sparsecheck", *arguments])
    _, status, used = os.wait4(child, 0)
    took = time.perf_counter() - start
    return os.waitstatus_to_exitcode(status), took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measure(count: int) -> Iterator[str]:
    """Yield one line per command, for a run of `count` records in four shards."""
    with tempfile.TemporaryDirectory() as name:
        folder, whole = Path(name), many(count)
        parts = shards(whole, 4)
        for part in parts:
            write(part, folder / f"{part.header.shard[0]}.jsonl")
        write(many(count // 2), folder / "half.jsonl")
        del whole, parts, part
        merging = ("merge", *(f"{number}.jsonl" for number in range(1, 5)), "--to", "whole.jsonl")
        pages = ("page", "whole.jsonl", "--html", "page.html", "--markdown", "page.md")
        for command in (merging, ("report", "whole.jsonl"), pages, ("report", "half.jsonl")):
            code, seconds, busy, size = measured(folder, *command)
            yield f"{command[0]} {command[1]}: exit code {code}, {seconds:.1f} s ({busy:.1f} s CPU), {size:.0f} MiB"


if __name__ == "__main__":
    for line in measure(int(sys.argv[1])):
        print(line, flush=True)
