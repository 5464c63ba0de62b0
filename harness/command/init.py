"""`sparsecheck init`: an adapter, and all around it, for a package of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from .failure import fail


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", default="", help="What the sparsifier is called; your distribution's name, if left out.")
@click.option("--package", default="", help="Your package's import name, where several are there.")
def init(folder: Path, name: str, package: str) -> None:
    """Write an adapter for your own package, in whose FOLDER its pyproject.toml is.

    Into the package: a commented adapter that runs as it is, and an empty expectations file; into pyproject.toml: its
    entry point; and a tox environment and a CI workflow. Nothing that is there is overwritten.
    """
    from ..starting.project import CannotStart, project_in
    from ..starting.start import default_name, start, write
    from ..subject.discovery import NAME

    try:
        project = project_in(folder, package)
        called = name or default_name(project)
        if not NAME.fullmatch(called):
            fail(f"{called!r} is no name: letters, digits, '.', '_' and '-', at most 64; give one with --name")
        begun = start(project, called)
        write(begun)
    except CannotStart as error:
        fail(str(error))
    for one in begun.writings:
        click.echo(f"{'written' if one.before is None else 'added to'}  {one.file}")
    for told in begun.unwritten:
        click.echo(told)
    click.echo(f"\nNow: pip install -e {folder}, sparsecheck list --check, sparsecheck run {called}")
