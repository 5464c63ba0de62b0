"""The command `sparsecheck init`: scaffold an adapter in the user's own package."""

from __future__ import annotations

from pathlib import Path

import click

from ...commands.paths import InputPath
from ...commands.terminal import echo


@click.command()
@click.argument("folder", default=".", type=InputPath(dir_okay=True, file_okay=False))
@click.option("--name", help="The name to register. Default: the name of the distribution.")
@click.option("--package", metavar="PACKAGE",
              help="The import package, such as acme.pruning, if it cannot be detected.")
def init(folder: Path, name: str | None, package: str | None) -> None:
    """Scaffold an adapter for a package.

    The package is the one whose pyproject.toml is in FOLDER.

    This writes an adapter module and an empty expectation file into the package, an entry point into pyproject.toml, an
    environment into tox.ini, and a CI workflow. Everything runs as it is.

    Existing files are never overwritten: if one is in the way, nothing is written and the exit code is 2.
    """
    from .package import read
    from .scaffold import plan, write

    scaffold = plan(read(folder.absolute(), package), name)
    write(scaffold)
    for file in scaffold.files:
        echo(f"written:  {file.relative_to(folder.absolute())}")
    for file in scaffold.changed:
        echo(f"added to: {file.relative_to(folder.absolute())}")
    for note in scaffold.notes:
        echo(f"to do:    {note}")
    echo(f"next:     pip install -e . && sparsecheck run {scaffold.name}; then edit each REPLACE in the adapter")
