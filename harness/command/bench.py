"""`sparsecheck bench`: times the operations of sparsifiers."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .arguments import split_arguments
from .failure import fail

if TYPE_CHECKING:
    from ..timing.time_apart import Timed


@click.command()
@click.argument("names", nargs=-1)
@click.option("--adapter", "adapters", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Time the adapter in this file; alone, unless names are given.")
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False),
              help="Write pytest-benchmark's record here, for `pytest-benchmark compare`.")
@click.option("--limit", default=300.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Seconds that one sparsifier may take.")
@click.option("--pytest-args", default="", metavar="'ARGS'", callback=split_arguments,
              help="Handed on to pytest, as '--benchmark-verbose'.")
def bench(
    names: tuple[str, ...], adapters: tuple[Path, ...], file: Path | None, limit: float,
    pytest_args: tuple[str, ...],
) -> None:
    """Time the sparsifiers NAMES (all that are registered, if none is named), one process after the other.

    Nothing is judged by its time. Exit codes: 0 all that was planned was timed, or is not offered; 1 an operation
    raised; 2 bad usage; 3 something planned was not timed.
    """
    from ..timing.time_apart import Bench, time_apart
    from .names import chosen

    if importlib.util.find_spec("pytest_benchmark") is None:
        fail("timing needs pytest-benchmark: pip install sparsecheck[bench]")
    if file is not None and not os.access(file.absolute().parent, os.W_OK):
        fail(f"{file}: its folder is missing or cannot be written to; name another with --json")
    try:
        subjects = chosen(names, adapters, (), ())
    except LookupError as error:
        fail(str(error.args[0]))
    files = tuple(adapter.absolute() for adapter in adapters)
    asked = Bench(subjects, files, limit, pytest_args)
    _tell(time_apart(asked, lambda line: click.echo(line, err=True)), file)


def _tell(timed: Timed, file: Path | None) -> None:
    from ..telling.timings import table
    from ..values.timing import exit_code

    code = exit_code(timed.timings)
    for line in table(timed.timings):
        click.echo(line)
    if file is not None and timed.document is not None:
        try:
            file.write_text(json.dumps(timed.document, indent=1), "utf-8")
        except OSError as error:
            fail(f"{file} could not be written ({error})", max(code, 2))
    elif file is not None:
        fail(f"{file} is not written: nothing was timed", 3)
    sys.exit(code)
