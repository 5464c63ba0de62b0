"""The command `sparsecheck bench`: time the operations of sparsifiers, and fail on slowdowns."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.arguments import Known, split_arguments
from ...commands.names import select_sparsifiers
from ...commands.output import check_writable, write_files
from ...commands.paths import AdapterFile, InputPath, OutputPath
from ...commands.terminal import echo
from ...errors import OK, BadUsage, Incomplete
from ...values.timing import OPERATIONS, QUICK, SIZES

if TYPE_CHECKING:
    from .compare import Change, Saved
    from .gate import Gate
    from .measure import Rival, Settings
    from .time_in_subprocesses import Bench, Timed

_SAVED, _OUTPUT = InputPath(exists=False), OutputPath()
_ADAPTER = AdapterFile()


@click.command()
@click.argument("names", nargs=-1)
@click.option("--adapter", "adapters", multiple=True, type=_ADAPTER,
              help="Time the adapter in this file, and only it unless NAMES are given.")
@click.option("--size", "sizes", multiple=True, type=Known("size", SIZES),
              help=f"Time only this size (repeatable). Default: {' and '.join(QUICK)}.")
@click.option("--full", is_flag=True, help="Time every size.")
@click.option("--operation", "operations", multiple=True, type=Known("operation", OPERATIONS),
              help="Time only this operation (repeatable).")
@click.option("--against", type=_SAVED,
              help="Fail if an operation is significantly slower than in FILE, or executes different operators.")
@click.option("--against-dist", metavar="NAME==VERSION",
              help="Fail if an operation is significantly slower than in this release, which is installed separately "
                   "and timed in turns.")
@click.option("--against-adapter", type=_ADAPTER,
              help="Fail if an operation is significantly slower than with the adapter in this file, such as a frozen "
                   "copy.")
@click.option("--allowance", type=click.FloatRange(0), show_default="3, or 25 with --against",
              help="Allowed slowdown in per cent for operations of 0.1 ms or more; five times that, at most 25, for "
                   "shorter ones.")
@click.option("--json", "file", type=_OUTPUT, help="Write the timings to this file, which --against reads.")
@click.option("--html", type=_OUTPUT, help="Write an HTML page to this file (needs sparsecheck[pages]).")
@click.option("--markdown", type=_OUTPUT, help="Write a Markdown page to this file (needs sparsecheck[pages]).")
@click.option("--earlier", multiple=True, type=_SAVED,
              help="Show the timings of this earlier --json file in the trend (repeatable, oldest first).")
@click.option("--limit", default=600.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Seconds that one sparsifier may take.")
@click.option("--pytest-args", default="", metavar="'ARGS'", callback=split_arguments,
              help="Arguments for pytest, such as '--benchmark-verbose'.")
def bench(
    names: tuple[str, ...], adapters: tuple[Path, ...], sizes: tuple[str, ...], full: bool,
    operations: tuple[str, ...], against: Path | None, against_dist: str | None, against_adapter: Path | None,
    allowance: float | None, file: Path | None, html: Path | None, markdown: Path | None, earlier: tuple[Path, ...],
    limit: float, pytest_args: tuple[str, ...],
) -> None:
    """Time sparsifiers, one process after the other.

    NAMES are names of registered sparsifiers; by default, all are timed.

    Exit codes: 0 every planned operation was timed or is not offered, and none is slower than its baseline; 1 an
    operation raised, is slower, or executes different operators; 2 bad usage; 3 a planned operation was not timed, or
    nothing could be compared.
    """
    from .time_in_subprocesses import Bench

    if importlib.util.find_spec("pytest_benchmark") is None:
        raise BadUsage("timing needs pytest-benchmark", "Run pip install 'sparsecheck[bench]'.")
    if sum(map(bool, (against, against_dist, against_adapter))) > 1:
        raise BadUsage("--against, --against-dist and --against-adapter exclude each other", "Give one of them.")
    from .saved_timings import read

    pages = Pages(file, html, markdown, tuple(map(read, earlier)))
    pages.check()
    gate = _gate(against, against_dist or against_adapter, allowance)
    names, sizes = _as_saved(gate, names, adapters, tuple(SIZES) if full else sizes)
    subjects = select_sparsifiers(names, adapters, (), ())
    with _rival(against_dist, against_adapter) as rival:
        settings = _settings(gate, sizes, operations, rival)
        files = tuple(adapter.absolute() for adapter in adapters)
        _run(Bench(subjects, files, limit, settings, pytest_args), gate, pages)


def _gate(against: Path | None, rival: object, per_cent: float | None) -> Gate | None:
    from .compare import ALLOWANCE, SAVED_ALLOWANCE
    from .gate import Gate
    from .saved_timings import read

    allowance = None if per_cent is None else per_cent / 100
    if against is None:
        return Gate(ALLOWANCE if allowance is None else allowance) if rival else None
    return Gate(SAVED_ALLOWANCE if allowance is None else allowance, read(against))


def _as_saved(
    gate: Gate | None, names: tuple[str, ...], adapters: tuple[Path, ...], sizes: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names and sizes to time; by default those in the file of `--against`."""
    if gate is None or gate.saved is None:
        return names, sizes or QUICK
    entries = [one.timing.entry for one in gate.saved]
    saved = {entry.size for entry in entries}
    named = names or (() if adapters else tuple(dict.fromkeys(entry.sparsifier for entry in entries)))
    return named, sizes or tuple(size for size in SIZES if size in saved)


def _settings(gate: Gate | None, sizes: tuple[str, ...], operations: tuple[str, ...], rival: Rival | None) -> Settings:
    from ...process.device import devices
    from ...values.timing import Scope
    from .measure import GATED, Settings

    scope = Scope(operations or tuple(OPERATIONS), sizes, devices())
    if gate is None:
        return Settings(scope)
    comparisons = GATED if gate.saved is None else Settings().comparisons
    return Settings(scope, comparisons, precision=0.015, budget=3.0, rival=rival)


@contextmanager
def _rival(dist: str | None, adapter: Path | None) -> Iterator[Rival | None]:
    from ...process.releases import installed
    from .measure import Rival

    if dist is None:
        yield Rival(file=str(adapter.absolute())) if adapter else None
        return
    with installed(dist) as folder:
        yield Rival(folder=str(folder))


def _run(bench: Bench, gate: Gate | None, pages: Pages) -> None:
    from ...values.timing import exit_code
    from .gate import check_run, gate_exit_code
    from .text import render_changes, render_table
    from .time_in_subprocesses import time_in_subprocesses

    def show(line: str) -> None:
        echo(line, err=True)

    timed = time_in_subprocesses(bench, show)
    code = exit_code(timed.timings)
    changes = check_run(bench, gate, timed, show) if gate else ()
    for line in render_table(timed.timings):
        echo(line)
    if gate:
        code = max(code, gate_exit_code(changes))
        for line in render_changes(changes):
            echo(line)
    sys.exit(max(code, pages.write(timed, changes)))


@dataclass(frozen=True)
class Pages:
    """The files to write, and the earlier runs to show.

    Attributes:
        record: The JSON file, or None.
        html: The HTML page, or None.
        markdown: The Markdown page, or None.
        earlier: Earlier saved runs, the oldest first.
    """

    record: Path | None
    html: Path | None
    markdown: Path | None
    earlier: tuple[tuple[Saved, ...], ...]

    def check(self) -> None:
        """Check, before anything is timed, that every file can be written.

        Raises:
            SparsecheckError: A file cannot be written, or jinja2 is missing.
        """
        for option, file in (("--json", self.record), ("--html", self.html), ("--markdown", self.markdown)):
            check_writable(file, option)
        if (self.html or self.markdown) and importlib.util.find_spec("jinja2") is None:
            raise BadUsage("a page needs jinja2", "Run pip install 'sparsecheck[pages]'.")

    def write(self, timed: Timed, changes: tuple[Change, ...]) -> int:
        """Write the requested files, and return the exit code of those that could not be written.

        Raises:
            Incomplete: Nothing was timed, so there is nothing to write.
        """
        from .page import BenchReport, render_html, render_markdown
        from .saved_timings import of_document, without_data

        files = [file for file in (self.record, self.html, self.markdown) if file is not None]
        if timed.document is None:
            if files:
                raise Incomplete(f"{files[0]} is not written: nothing was timed")
            return OK
        contents: dict[Path | None, str | bytes] = {
            self.record: json.dumps(without_data(timed.document), indent=1) + "\n"
        }
        report = BenchReport(timed.timings, of_document(timed.document), changes, self.earlier)
        for file, make in ((self.html, render_html), (self.markdown, render_markdown)):
            if file is not None:
                contents[file] = make(report)
        return write_files(contents)
