"""`sparsecheck merge`: the shards of one run, put together."""

from __future__ import annotations

from pathlib import Path

import click

from .finish import tell
from .output import check_writable


@click.command()
@click.argument("files", metavar="SHARD...", nargs=-1, required=True,
                type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--to", "whole", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="Write the report of the whole run here (JSON Lines).")
@click.option("--require", "required", multiple=True, metavar="NAME", help="Red unless NAME was judged.")
def merge(files: tuple[Path, ...], whole: Path, required: tuple[str, ...]) -> None:
    """Put the reports of all shards of a run together, and exit as that run would have.

    Exit codes: as those of `sparsecheck run`; 2 also for a shard that is missing or there twice, and for shards of
    other plans, catalogues, sparsifiers or environments. Nothing is written then.
    """
    from ..report import merging
    from ..report.report import read

    check_writable(whole, "--to")
    tell(merging.merge([read(file) for file in files]), whole, required)
