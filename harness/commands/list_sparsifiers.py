"""`sparsecheck list`: show the sparsifiers registered here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..catalogue import VERSION
from ..errors import NotJudged

if TYPE_CHECKING:
    from ..values.declaration import Declaration


@click.command("list")
@click.option("--check", is_flag=True, help="Load each adapter; exit 2 if one cannot be judged.")
@click.option("--adapter", "adapters", multiple=True, type=click.Path(path_type=Path), help="An adapter file.")
def list_(check: bool, adapters: tuple[Path, ...]) -> None:
    """Show the sparsifiers registered here; from metadata alone, unless --check loads them."""
    from ..adapter.discovery import BrokenAdapter, load, registrations

    broken = False
    for one in registrations(adapters):
        problem = one.problem
        newer = ""
        if check and not one.obstacle:
            try:
                newer = _newer(load(one).declaration)
            except BrokenAdapter as error:
                problem = str(error)
        broken = broken or bool(problem)
        state = f"BROKEN: {problem}" if problem else one.lacking or ((newer or "ok") if check else "")
        click.echo(f"{one.name:34} {one.distribution or 'file':14} {one.value}  {state}".rstrip())
    if broken:
        raise NotJudged("not every registered sparsifier can be judged", "Fix the lines marked BROKEN above.")


def _newer(declaration: Declaration) -> str:
    """Say what an adapter that was written for an earlier catalogue has to declare for the current one."""
    if declaration.catalogue == VERSION:
        return ""
    undeclared = declaration.capabilities.undeclared
    adding = f"declare {', '.join(undeclared)} and " if undeclared else ""
    return f"ok, written for catalogue {declaration.catalogue} of {VERSION}: {adding}state `catalogue = {VERSION}`"
