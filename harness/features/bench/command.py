"""`sparsecheck bench`: times the operations of sparsifiers, and gates on what became slower."""

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

from ...commands.arguments import split_arguments
from ...commands.names import chosen
from ...commands.output import check_writable, put
from ...errors import OK, BadUsage, Incomplete
from ...values.timing import OPERATIONS, QUICK, SIZES

if TYPE_CHECKING:
    from .compare import Change, Saved
    from .gate import Gate
    from .measure import Rival, Settings
    from .time_in_subprocesses import Bench, Timed

_FILE = click.Path(path_type=Path, dir_okay=False)
_ADAPTER = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--adapter", "adapters", multiple=True, type=_ADAPTER,
              help="Time the adapter in this file; alone, unless names are given.")
@click.option("--size", "sizes", multiple=True, type=click.Choice(list(SIZES)),
              help=f"Only this size; {' and '.join(QUICK)} if none is named.")
@click.option("--full", is_flag=True, help="Every size.")
@click.option("--operation", "operations", multiple=True, type=click.Choice(list(OPERATIONS)), help="Only this one.")
@click.option("--against", type=_FILE, help="Fail on what is surely slower than in this file, or does other work.")
@click.option("--against-dist", metavar="NAME==VERSION",
              help="Fail on what is surely slower than with this release, which is installed apart and takes turns.")
@click.option("--against-adapter", type=_ADAPTER,
              help="Fail on what is surely slower than the adapter in this file: a frozen copy, say.")
@click.option("--allowance", type=click.FloatRange(0), show_default="3, or 25 with --against",
              help="Per cent that is not slower, of what takes 0.1 ms or more; of the rest five times that, up to 25.")
@click.option("--json", "file", type=_FILE, help="Write pytest-benchmark's record here; --against reads it.")
@click.option("--html", type=_FILE, help="Write the whole as a page; takes sparsecheck[pages].")
@click.option("--markdown", type=_FILE, help="Write the same as Markdown; takes sparsecheck[pages].")
@click.option("--earlier", multiple=True, type=_FILE, help="A run that --json saved, for the trend; the oldest first.")
@click.option("--limit", default=600.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Seconds that one sparsifier may take.")
@click.option("--pytest-args", default="", metavar="'ARGS'", callback=split_arguments,
              help="Handed on to pytest, as '--benchmark-verbose'.")
def bench(
    names: tuple[str, ...], adapters: tuple[Path, ...], sizes: tuple[str, ...], full: bool,
    operations: tuple[str, ...], against: Path | None, against_dist: str | None, against_adapter: Path | None,
    allowance: float | None, file: Path | None, html: Path | None, markdown: Path | None, earlier: tuple[Path, ...],
    limit: float, pytest_args: tuple[str, ...],
) -> None:
    """Time the sparsifiers NAMES (all that are registered, if none is named), one process after the other.

    Exit codes: 0 all that was planned was timed, or is not offered, and nothing is worse than what it was held against;
    1 an operation raised, or something is worse; 2 bad usage; 3 something planned was not timed, or nothing compared.
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
    subjects = chosen(names, adapters, (), ())
    with _rival(against_dist, against_adapter) as rival:
        settings = _settings(gate, sizes, operations, rival)
        files = tuple(adapter.absolute() for adapter in adapters)
        _run(Bench(subjects, files, limit, settings, pytest_args), gate, pages)


def _gate(against: Path | None, rival: object, per_cent: float | None) -> Gate | None:
    from .compare import ALLOWANCE, SAVED_ALLOWANCE
    from .gate import Gate
    from .saved_timings import read

    asked = None if per_cent is None else per_cent / 100
    if against is None:
        return Gate(ALLOWANCE if asked is None else asked) if rival else None
    return Gate(SAVED_ALLOWANCE if asked is None else asked, read(against))


def _as_saved(
    gate: Gate | None, names: tuple[str, ...], adapters: tuple[Path, ...], sizes: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is timed where nothing else is asked for: all that is saved, at its sizes."""
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
    from .changes import changes_told
    from .gate import gate_exit_code, look_closer
    from .table import table
    from .time_in_subprocesses import time_apart

    def tell(line: str) -> None:
        click.echo(line, err=True)

    timed = time_apart(bench, tell)
    code = exit_code(timed.timings)
    changes = look_closer(bench, gate, timed, tell) if gate else ()
    for line in table(timed.timings):
        click.echo(line)
    if gate:
        code = max(code, gate_exit_code(changes))
        for line in changes_told(changes):
            click.echo(line)
    sys.exit(max(code, pages.write(timed, changes)))


@dataclass(frozen=True)
class Pages:
    """What is written of a run, and what was saved of earlier ones."""

    record: Path | None
    html: Path | None
    markdown: Path | None
    earlier: tuple[tuple[Saved, ...], ...]

    def check(self) -> None:
        """Check, before anything is timed, that all of it can be written.

        Raises:
            SparsecheckError: It cannot.
        """
        for option, file in (("--json", self.record), ("--html", self.html), ("--markdown", self.markdown)):
            check_writable(file, option)
        if (self.html or self.markdown) and importlib.util.find_spec("jinja2") is None:
            raise BadUsage("a page needs jinja2", "Run pip install 'sparsecheck[pages]'.")

    def write(self, timed: Timed, changes: tuple[Change, ...]) -> int:
        """Write all that was asked for, and return the exit code of what could not be written.

        Raises:
            Incomplete: Nothing was timed, so that there is nothing to write.
        """
        from .page import BenchReport, bench_html, bench_markdown
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
        for file, make in ((self.html, bench_html), (self.markdown, bench_markdown)):
            if file is not None:
                contents[file] = make(report)
        return put(contents)
