"""Timing each sparsifier in a process of its own, one after the other: two at a time would time each other.

The parent holds the plan against pytest-benchmark's own record; what is not in it was not timed.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ...run.report_writer import current_cell_file
from ...run.subprocesses import Children, describe_end, last_output, pytest_command, run_each
from ...values.timing import Entry, State, Timing, plan
from .measure import Settings

_MODULE, _PLUGIN = "sparsecheck.features.bench.timing_cases", "sparsecheck.features.bench.plugin"
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_TOP_PAD_": str(2**28),
}
"""Those of glibc's allocator let it keep what it has: whether a weight's memory comes from the system anew, with a
fault for each page, depends else on what was freed before, and identical code differs by a quarter all the while."""


@dataclass(frozen=True)
class Bench:
    """What to time. adapters: files. limit: seconds that one sparsifier may take. pytest_args: handed on as
    they are."""

    names: tuple[str, ...]
    adapters: tuple[Path, ...] = ()
    limit: float = 300.0
    settings: Settings = field(default_factory=Settings)
    pytest_args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timed:
    """One timing an entry of the plan, and pytest-benchmark's record of all of them; None if there is none."""

    timings: tuple[Timing, ...]
    document: dict[str, Any] | None


@dataclass(frozen=True)
class _Left:
    """What one child left. found: pytest-benchmark's record of an entry, by id. lost: why others have none."""

    document: dict[str, Any] | None
    found: Mapping[str, dict[str, Any]]
    noted: Mapping[str, Timing]
    lost: str


def time_apart(bench: Bench, tell: Callable[[str], None]) -> Timed:
    """Time all `bench.names`.

    tell: is given a line whenever a sparsifier has been timed.
    """
    losses = list[str]()
    with tempfile.TemporaryDirectory(prefix="sparsecheck-") as made:
        folder = Path(made)

        def time_one(name: str, children: Children) -> str:
            return children.run(name, _command(bench, name, folder), folder, bench.limit, _ENVIRONMENT) or "timed"

        run_each(bench.names, 1, time_one, tell, losses)
        left = {name: _left(name, folder, losses) for name in bench.names}
    entries = plan(bench.names, bench.settings.scope)
    timings = tuple(_timing(entry, left[entry.sparsifier]) for entry in entries)
    return Timed(timings, _joined([one.document for one in left.values() if one.document]))


def _command(bench: Bench, name: str, folder: Path) -> list[str]:
    command = [*pytest_command(folder, _MODULE, _PLUGIN), "--sparsecheck-time", name]
    command += [part for file in bench.adapters for part in ("--sparsecheck-time-adapter", str(file))]
    command += ["-p", "pytest_benchmark.plugin", "--benchmark-json", str(folder / f"{name}.json")]
    command += ["--sparsecheck-timings", str(folder / f"{name}.jsonl")]
    return [*command, "--sparsecheck-timing-settings", msgspec.json.encode(bench.settings).decode(), *bench.pytest_args]


def _left(name: str, folder: Path, losses: list[str]) -> _Left:
    document = _document(folder / f"{name}.json")
    found = {benchmark["extra_info"]["entry"]: benchmark for benchmark in (document or {}).get("benchmarks", ())}
    noted = {timing.entry.id: timing for timing in _notes(folder / f"{name}.jsonl")}
    return _Left(document, found, noted, "; ".join(losses) or _lost(name, folder))


def _notes(path: Path) -> Iterator[Timing]:
    """What the child noted of entries that it did not time; a line cut short is none."""
    for line in path.read_bytes().splitlines() if path.exists() else ():
        with contextlib.suppress(msgspec.DecodeError):
            yield msgspec.json.decode(line, type=Timing)


def _document(path: Path) -> dict[str, Any] | None:
    """What pytest-benchmark wrote at the end, with names that do not depend on where; None if it did not."""
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    for benchmark in document["benchmarks"]:
        benchmark["fullname"] = f"timing_cases.py::{benchmark['name']}"
    return document


def _lost(name: str, folder: Path) -> str:
    current = current_cell_file(folder / f"{name}.jsonl")
    if current.exists():
        return f"{describe_end(folder, name)}, while timing {current.read_text('utf-8')}"
    return f"its case was not run; its process said last: {last_output(folder, name)}"


def _timing(entry: Entry, left: _Left) -> Timing:
    if entry.id in left.noted:
        return left.noted[entry.id]
    if entry.id not in left.found:
        return Timing(entry, State.NOT_TIMED, left.lost)
    return msgspec.convert(left.found[entry.id]["extra_info"]["timing"], Timing)


def _joined(documents: list[dict[str, Any]]) -> dict[str, Any] | None:
    """One document of all benchmarks; machine and commit are the first one's, as all ran here and now."""
    if not documents:
        return None
    return {**documents[0], "benchmarks": [one for document in documents for one in document["benchmarks"]]}
