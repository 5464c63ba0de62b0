"""Time each sparsifier in a process of its own, one after the other, so that they do not disturb each other.

The parent compares the plan with the file that pytest-benchmark wrote; an entry that is not in it was not timed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ... import reading
from ...process.guardian import temporary_folder
from ...run.report_writer import current_cell_file
from ...run.subprocesses import Children, describe_end, last_output, pytest_command, run_each
from ...values.timing import Entry, State, Timing, plan
from .measure import Settings

_MOST = 256 * 2**20
"""The largest document of pytest-benchmark that is read, in bytes: it has every single time."""

_MODULE, _PLUGIN = "sparsecheck.features.bench.timing_cases", "sparsecheck.features.bench.plugin"
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_TOP_PAD_": str(2**28),
}
"""Environment variables of the child. The MALLOC ones make glibc keep freed memory: otherwise an allocation may or may
not cause page faults, depending on earlier ones, and identical code differs by a quarter."""


@dataclass(frozen=True)
class Bench:
    """The sparsifiers to time, and how.

    Attributes:
        names: Registered names.
        adapters: Adapter files.
        limit: Seconds that one sparsifier may take.
        settings: The settings of the timing.
        pytest_args: More arguments for pytest.
    """

    names: tuple[str, ...]
    adapters: tuple[Path, ...] = ()
    limit: float = 300.0
    settings: Settings = field(default_factory=Settings)
    pytest_args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timed:
    """The result of a run.

    Attributes:
        timings: One timing per planned entry.
        document: The document of pytest-benchmark about all of them; None if nothing was timed.
    """

    timings: tuple[Timing, ...]
    document: dict[str, Any] | None


@dataclass(frozen=True)
class _ChildResult:
    """The results of one child.

    Attributes:
        document: The document of pytest-benchmark, or None.
        found: The benchmarks in it, by entry id.
        noted: The entries that the child did not time, by entry id.
        lost: The reason why other entries have neither.
    """

    document: dict[str, Any] | None
    found: Mapping[str, dict[str, Any]]
    noted: Mapping[str, Timing]
    lost: str


def time_in_subprocesses(bench: Bench, show: Callable[[str], None]) -> Timed:
    """Time all sparsifiers of `bench`.

    Args:
        bench: The request.
        show: Receives a line whenever a sparsifier is finished.
    """
    losses = list[str]()
    with temporary_folder() as folder:

        def time_one(name: str, children: Children) -> str:
            return children.run(name, _command(bench, name, folder), folder, bench.limit, _ENVIRONMENT) or "timed"

        run_each(bench.names, 1, time_one, show, losses)
        results = {name: _collect(name, folder, losses) for name in bench.names}
    entries = plan(bench.names, bench.settings.scope)
    timings = tuple(_timing(entry, results[entry.sparsifier]) for entry in entries)
    return Timed(timings, _joined([one.document for one in results.values() if one.document]))


def _command(bench: Bench, name: str, folder: Path) -> list[str]:
    command = [*pytest_command(folder, _MODULE, _PLUGIN), "--sparsecheck-time", name]
    command += [part for file in bench.adapters for part in ("--sparsecheck-time-adapter", str(file))]
    command += ["--tb=auto", "-p", "pytest_benchmark.plugin", "--benchmark-json", str(folder / f"{name}.json")]
    command += ["--sparsecheck-timings", str(folder / f"{name}.jsonl")]
    return [*command, "--sparsecheck-timing-settings", msgspec.json.encode(bench.settings).decode(), *bench.pytest_args]


def _collect(name: str, folder: Path, losses: list[str]) -> _ChildResult:
    document = _document(folder / f"{name}.json")
    found = {benchmark["extra_info"]["entry"]: benchmark for benchmark in (document or {}).get("benchmarks", ())}
    noted = {timing.entry.id: timing for timing in _notes(folder / f"{name}.jsonl")}
    return _ChildResult(document, found, noted, "; ".join(losses) or _lost(name, folder))


def _notes(path: Path) -> Iterator[Timing]:
    """Yield the entries that the child could not time; skip a truncated line."""
    for line in reading.read_bytes(path).splitlines() if path.exists() else ():
        with contextlib.suppress(reading.Malformed):
            yield reading.parse_json(line, Timing)


def _document(path: Path) -> dict[str, Any] | None:
    """Return the document of pytest-benchmark with test names independent of the folder, or None."""
    try:
        document: dict[str, Any] = reading.parse_json(reading.read_bytes(path, _MOST), dict[str, Any])
    except reading.CannotRead:
        return None
    for benchmark in document["benchmarks"]:
        benchmark["fullname"] = f"timing_cases.py::{benchmark['name']}"
    return document


def _lost(name: str, folder: Path) -> str:
    current = current_cell_file(folder / f"{name}.jsonl")
    if current.exists():
        return f"{describe_end(folder, name)}, while timing {reading.read_end(current, 1000)}"
    return f"its case was not run. The last output of its process: {last_output(folder, name)}"


def _timing(entry: Entry, result: _ChildResult) -> Timing:
    if entry.id in result.noted:
        return result.noted[entry.id]
    if entry.id not in result.found:
        return Timing(entry, State.NOT_TIMED, result.lost)
    return msgspec.convert(result.found[entry.id]["extra_info"]["timing"], Timing)


def _joined(documents: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Join the documents of all children, which ran on one machine, into one."""
    if not documents:
        return None
    return {**documents[0], "benchmarks": [one for document in documents for one in document["benchmarks"]]}
