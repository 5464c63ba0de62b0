"""The kill matrix: which requirements reject which miniature, and that none rejects a correct variant.

    python -m tools.kill_matrix                   compute what is missing or has changed, and write it
    python -m tools.kill_matrix --only NAME ...   also compute these miniatures and requirements again
    python -m tools.kill_matrix --all --check     compute everything, and fail if it differs from what is stored
    python -m tools.kill_matrix --page FILE       write what is stored as a page

The matrix is stored in tests/kill_matrix.json.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from tests import diagnoses
from tests.miniatures.all import MINIATURES
from tests.variants.all import VARIANTS
from tools.kill_matrix import pins as stored_pins
from tools.kill_matrix.matrix import IDS, NAMES, changed, compute, differences, everything
from tools.kill_matrix.page import page


@click.command()
@click.option("-j", "jobs", default=2, show_default=True, help="Number of processes.")
@click.option("--only", multiple=True, metavar="NAME", help="Also compute this miniature or requirement again.")
@click.option("--all", "whole", is_flag=True, help="Compute every pair again.")
@click.option("--check", is_flag=True, help="Write nothing, and fail if a row differs from the stored one.")
@click.option("--every-cell", "every", is_flag=True, help="Judge variants by every cell instead of the canonical ones.")
@click.option("--page", "target", type=click.Path(path_type=Path), help="Write the stored matrix to a Markdown file.")
def main(jobs: int, only: tuple[str, ...], whole: bool, check: bool, every: bool, target: Path | None) -> None:
    """Compute what is missing from the kill matrix or has changed, and write it to tests/kill_matrix.json."""
    start, pins = time.monotonic(), stored_pins.read()
    if target is not None:
        target.write_text(page(MINIATURES, pins.rows, VARIANTS), "utf-8")
        return
    if unknown := [one for one in only if one not in (*NAMES, *IDS)]:
        raise click.UsageError(f"no miniature or requirement is called {', '.join(unknown)}")
    task = everything() if whole else changed(pins, only)
    rows, raised = compute(task, pins, jobs, every)
    differing = [*differences(rows, pins.rows)]
    rejected = [f"{name}: {one}" for name, all in raised.items() for one in all]
    if not check:
        stored_pins.write(rows)
        diagnoses.update(name for name, ids in task.miniatures.items() if NAMES[name].requirement in ids)
    for line in (*differing, *rejected):
        click.echo(line)
    killing = {id for ids in rows.values() for id in ids}
    click.echo(
        f"{sum(map(len, task.miniatures.values()))} pairs judged in {time.monotonic() - start:.0f} s; "
        f"{len(killing)} of {len(IDS)} requirements reject some of {len(rows)} miniatures; "
        f"{sum(map(bool, raised.values()))} correct variants rejected"
    )
    sys.exit(bool(rejected) or len(killing) < len(IDS) or (check and bool(differing)))


if __name__ == "__main__":
    main()
