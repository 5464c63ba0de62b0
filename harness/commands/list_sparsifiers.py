"""`sparsecheck list`: show the sparsifiers registered here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..catalogue import VERSION
from ..errors import NotJudged
from .paths import AdapterFile
from .terminal import echo

if TYPE_CHECKING:
    from ..values.declaration import Declaration


@click.command("list")
@click.option("--check", is_flag=True, help="Load every adapter; exit with 2 if one of them cannot be judged.")
@click.option("--adapter", "adapters", multiple=True, type=AdapterFile(exists=False),
              help="Also list the adapter in this file.")
def list_(check: bool, adapters: tuple[Path, ...]) -> None:
    """List the registered sparsifiers. Without --check, only package metadata is read and no adapter is loaded."""
    from ..adapter.discovery import BrokenAdapter, load, registrations

    broken = False
    for one in registrations(adapters):
        problem = one.problem
        advice = ""
        if check and not one.obstacle:
            try:
                advice = _advice(load(one).declaration)
            except BrokenAdapter as error:
                problem = str(error)
        broken = broken or bool(problem)
        state = f"BROKEN: {problem}" if problem else one.lacking or ((advice or "ok") if check else "")
        echo(f"{one.name:34} {one.distribution or 'file':14} {one.value}  {state}".rstrip())
    if broken:
        raise NotJudged("not every registered sparsifier can be judged", "Fix the lines marked BROKEN above.")


def _advice(declaration: Declaration) -> str:
    """Return a line on how to update an adapter for an earlier catalogue, or an empty string if it is current."""
    if declaration.catalogue == VERSION:
        return ""
    undeclared = declaration.capabilities.undeclared
    adding = f"declare {', '.join(undeclared)} and " if undeclared else ""
    return f"ok, written for catalogue {declaration.catalogue} of {VERSION}: {adding}state `catalogue = {VERSION}`"
