"""`sparsecheck init`: what a package needs in order to be judged, written for the user's own."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", help="What the sparsifier is registered as, if not as the distribution is called.")
@click.option("--package", metavar="PACKAGE", help="The import package, where it cannot be told: acme.pruning, say.")
def init(folder: Path, name: str | None, package: str | None) -> None:
    """Write an adapter for the package whose pyproject.toml stands in FOLDER, and what registers and runs it.

    An adapter module and an empty expectation file inside the package, its entry point in pyproject.toml, an
    environment in tox.ini, and a workflow for CI. All of it runs as it is. Nothing is overwritten: where something is
    in the way, nothing is written, and the exit code is 2.
    """
    from .package import read
    from .scaffold import plan, write

    start = plan(read(folder.absolute(), package), name)
    write(start)
    for file in start.files:
        click.echo(f"written:  {file.relative_to(folder.absolute())}")
    for file in start.changed:
        click.echo(f"added to: {file.relative_to(folder.absolute())}")
    for note in start.notes:
        click.echo(f"yours:    {note}")
    click.echo(f"next:     pip install -e . && sparsecheck run {start.name}; then each REPLACE in the adapter")
