"""Write, check or print the corpus of programs.

    python -m tools.corpus write          make reference/programs/covering.jsonl anew
    python -m tools.corpus check          fail if making it anew gives other bytes
    python -m tools.corpus print          show the coverage, and how many pairs each constraint excludes
    python -m tools.corpus print NAME     show one skeleton, such as walk-017
    python -m tools.corpus entries FILE REPORT...   give the entries of an expectation file the programs that fail

The coverage is that of the whole corpus, reference/programs/found.jsonl included.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from sparsecheck.programs.corpus import COVERING, corpus, path_of, to_line
from sparsecheck.programs.coverage import WHY, coverage
from sparsecheck.programs.statements import describe
from sparsecheck.values.skeleton import Skeleton
from tools.corpus.covering import made
from tools.corpus.entries import read_runs, renew


@click.group()
def main() -> None:
    """Write, check or print the corpus of programs."""


@main.command()
def write() -> None:
    """Make the covering array anew, and write it."""
    path_of(COVERING).parent.mkdir(exist_ok=True)
    path_of(COVERING).write_bytes(_text())
    corpus.cache_clear()
    _show_coverage()


@main.command()
def check() -> None:
    """Fail if the stored covering array is not what `write` would write."""
    is_same = path_of(COVERING).read_bytes() == _text()
    _show_coverage()
    click.echo("as stored" if is_same else "differs from the stored one; write it with: python -m tools.corpus write")
    sys.exit(not is_same)


@main.command("print")
@click.argument("name", required=False)
def show(name: str | None) -> None:
    """Show the coverage, or the skeleton NAME."""
    if name is None:
        _show_coverage()
    elif name in corpus():
        _show(corpus()[name])
    else:
        raise click.UsageError(f"no program is called {name}; the names run from {min(corpus())} to {max(corpus())}")


@main.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("reports", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def entries(file: Path, reports: tuple[Path, ...]) -> None:
    """Give the entries of the expectation FILE the programs that fail by their signatures in REPORTS.

    Make the reports with `sparsecheck run NAME --area WALK --ignore-expectations`, one for each sparsifier of the file.
    """
    renewed = renew(file.read_text("utf-8"), str(file), read_runs(reports))
    file.write_text(renewed.text, "utf-8")
    for (id, name), count in renewed.counts.items():
        click.echo(f"{count:4} programs of {name} fail by {id}")
    for cell, signature, count in renewed.unexplained:
        click.echo(f"not explained: {count} like {cell}: {signature}")
    sys.exit(bool(renewed.unexplained))


def _text() -> bytes:
    return b"".join(map(to_line, made()))


def _show_coverage() -> None:
    of = coverage(corpus().values())
    for name, count in of.excluded.most_common():
        click.echo(f"{count:4} pairs excluded by {name}: {WHY[name]}")
    share = 100 * len(of.covered) // len(of.possible)
    click.echo(f"{len(of.possible)} pairs possible, {len(of.covered)} covered ({share} %) by {len(corpus())} programs")
    for pair in sorted(map(str, of.missing)):
        click.echo(f"not covered: {pair}")


def _show(skeleton: Skeleton) -> None:
    fields = msgspec.to_builtins(skeleton)
    del fields["steps"]
    slots = fields.pop("slots")
    for number, slot in enumerate(slots, 1):
        click.echo(f"layer {number}: " + ", ".join(f"{name} {value}" for name, value in slot.items()))
    click.echo("model: " + ", ".join(f"{name} {value}" for name, value in fields.items()))
    for number, step in enumerate(skeleton.steps, 1):
        click.echo(f"step {number}: {describe(step)}")


if __name__ == "__main__":
    main()
