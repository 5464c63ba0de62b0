"""Judge false declarations: `python -m tools.declarations [--only TEXT] [--check] [--print]`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import click

from tests.declarations.judging import FILE, NAMES, judged, pinned


def write(pins: dict[str, tuple[str, str]]) -> None:
    """Write the pins in the order of the table, one a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(pins[name])}" for name in NAMES if name in pins]
    written = FILE.with_suffix(".new")
    written.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    written.replace(FILE)


def rows(pins: dict[str, tuple[str, str]], names: Iterable[str]) -> Iterable[str]:
    """Yield the table: false declaration, and the cell that rejects it or the reason why none has to."""
    for name in names:
        cell, kind = pins.get(name, ("", ""))
        seen = f"{cell.partition(':')[2] or cell}: {kind}" if cell else f"accepted: {NAMES[name].permitted or 'WRONG'}"
        yield f"{name:<90} {seen}"


@click.command()
@click.option("--only", default="", help="Judge those whose name contains TEXT.", metavar="TEXT")
@click.option("--missing", is_flag=True, help="Judge those that are not pinned.")
@click.option("--check", is_flag=True, help="Write nothing, and fail if one is accepted that must be rejected.")
@click.option("--print", "shown", is_flag=True, help="Print the pinned table, and judge nothing.")
@click.option("-j", "--jobs", default=2, show_default=True)
def main(only: str, missing: bool, check: bool, shown: bool, jobs: int) -> None:
    """Judge false declarations until the first cell that rejects each, and pin it."""
    pins = {name: pin for name, pin in pinned().items() if name in NAMES}
    chosen = [name for name in NAMES if only in name and not (missing and (name in pins or NAMES[name].permitted))]
    if not shown:
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            for name, pin in pool.map(judged, chosen):
                pins = {**pins, name: pin} if pin else {key: one for key, one in pins.items() if key != name}
                click.echo("\n".join(rows(pins, [name])))
                if not check:
                    write(pins)
    else:
        click.echo("\n".join(rows(pins, chosen)))
    accepted = [name for name in chosen if name not in pins and not NAMES[name].permitted]
    click.echo(f"{len(chosen)} false declarations, {sum(name in pins for name in chosen)} rejected, "
               f"{len(accepted)} accepted that must not be")
    sys.exit(bool(accepted))


if __name__ == "__main__":
    main()
