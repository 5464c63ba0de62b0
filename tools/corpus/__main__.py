"""Write, check or print the corpus of programs.

    python -m tools.corpus write          make the covering arrays in reference/programs anew
    python -m tools.corpus check          fail if making them anew gives other bytes
    python -m tools.corpus print          show the coverage, and how many pairs each constraint excludes
    python -m tools.corpus print NAME     show one skeleton, such as walk-017
    python -m tools.corpus entries FILE REPORT...   give the entries of an expectation file the programs that fail

There is one covering array per profile. The coverage is that of the whole corpus of a profile, with the programs that
were found by other means.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from sparsecheck.programs.corpus import COVERING, corpus, path_of, structural_corpus, to_line
from sparsecheck.programs.coverage import coverage
from sparsecheck.programs.statements import describe
from tools.corpus.covering import Covering
from tools.corpus.entries import read_runs, renew
from tools.corpus.mask import MaskCovering
from tools.corpus.structural import StructuralCovering


@dataclass(frozen=True)
class _Part:
    """The corpus of one profile: its covering array, and how all its skeletons are read."""

    profile: str
    covering: type[Covering[Any]]
    read: Callable[[], Mapping[str, Any]]

    @property
    def path(self) -> Path:
        return path_of(COVERING[self.profile])

    def text(self) -> bytes:
        return b"".join(map(to_line, self.covering().programs()))


PARTS = (_Part("mask", MaskCovering, corpus), _Part("structural", StructuralCovering, structural_corpus))


@click.group()
def main() -> None:
    """Write, check or print the corpus of programs."""


@main.command()
def write() -> None:
    """Make the covering arrays anew, and write them."""
    for one in PARTS:
        one.path.write_bytes(one.text())
    corpus.cache_clear()
    structural_corpus.cache_clear()
    _show_coverage()


@main.command()
def check() -> None:
    """Fail if the stored covering arrays are not what `write` would write."""
    differing = [one.path.name for one in PARTS if one.path.read_bytes() != one.text()]
    _show_coverage()
    for name in differing:
        click.echo(f"{name} differs from what is made anew; write it with: python -m tools.corpus write")
    if not differing:
        click.echo("as stored")
    sys.exit(bool(differing))


@main.command("print")
@click.argument("name", required=False)
def show(name: str | None) -> None:
    """Show the coverage, or the skeleton NAME."""
    every = {**corpus(), **structural_corpus()}
    if name is None:
        _show_coverage()
    elif name in every:
        _show(every[name])
    else:
        raise click.UsageError(f"no program is called {name}; the names run from {min(every)} to {max(every)}")


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


def _show_coverage() -> None:
    for part in PARTS:
        space, skeletons = part.covering.space, part.read()
        of = coverage(skeletons.values(), space)
        click.echo(f"{part.profile} profile")
        for name, count in of.excluded.most_common():
            click.echo(f"{count:4} pairs excluded by {name}: {space.why[name]}")
        share = 100 * len(of.covered) // len(of.possible)
        click.echo(
            f"{len(of.possible)} pairs possible, {len(of.covered)} covered ({share} %) by {len(skeletons)} programs"
        )
        for pair in sorted(map(str, of.missing)):
            click.echo(f"not covered: {pair}")


def _show(skeleton: Any) -> None:
    fields = msgspec.to_builtins(skeleton)
    del fields["steps"]
    word = "layer" if "slots" in fields else "block"
    for number, one in enumerate(fields.pop("slots", None) or fields.pop("blocks"), 1):
        click.echo(f"{word} {number}: " + ", ".join(f"{name} {value}" for name, value in one.items()))
    click.echo("model: " + ", ".join(f"{name} {value}" for name, value in fields.items()))
    for number, step in enumerate(skeleton.steps, 1):
        click.echo(f"step {number}: {describe(step)}")


if __name__ == "__main__":
    main()
