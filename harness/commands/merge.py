"""`sparsecheck merge`: merge the reports of all shards of a run."""

from __future__ import annotations

from pathlib import Path

import click

from .finish import finish
from .output import check_writable
from .paths import InputPath, OutputPath


@click.command()
@click.argument("files", metavar="SHARD...", nargs=-1, required=True,
                type=InputPath())
@click.option("--to", "target", required=True, type=OutputPath(),
              help="Write the report of the whole run to this file (JSON Lines).")
@click.option("--require", "required", multiple=True, metavar="NAME", help="Fail unless NAME was judged.")
def merge(files: tuple[Path, ...], target: Path, required: tuple[str, ...]) -> None:
    """Merge the reports of all shards of a run.

    Exit codes: those of an unsharded `sparsecheck run`; also 2 if a shard is missing or given twice, or if the shards
    differ in plan, catalogue, sparsifiers or environment. Nothing is written then.
    """
    from ..report import merging
    from ..report.report import read

    check_writable(target, "--to")
    finish(merging.merge([read(file) for file in files]), target, required)
