"""The factory of broken sparsifiers: faults times conditions over the exemplar.

    python -m tools.factory --list                     which products there are, and which cannot show
    python -m tools.factory --judge corpus             judge those that show, and print the kill rate and the survivors
    python -m tools.factory --judge cases --every 6
    python -m tools.factory --judge order --of miniatures
    python -m tools.factory.page FILE...               write docs/factory.md from what --json has stored

A judge takes an adapter and returns the first statement that it violates, or None.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import click
import msgspec

from tools.factory.checking import Shows
from tools.factory.judging import JUDGES, Broken, Result, check_all, judge_all, miniatures, reach_all
from tools.factory.page import lines


@click.command()
@click.option("--list", "lists", is_flag=True, help="Print every product, and whether it shows.")
@click.option("--judge", "judge", default="", metavar="NAME", help=f"{', '.join(JUDGES)}, or MODULE:FUNCTION.")
@click.option("--of", "which", type=click.Choice(["products", "miniatures"]), default="products", show_default=True)
@click.option("--only", default="*", metavar="GLOB", help="Only those whose names match.")
@click.option("--every", default=1, show_default=True, metavar="N", help="Only every N-th.")
@click.option("--limit", default=120, show_default=True, metavar="SECONDS", help="Time limit for one.")
@click.option("-j", "jobs", default=2, show_default=True, help="Number of processes.")
@click.option("--json", "raw", type=click.Path(path_type=Path), help="Write the results to a JSON Lines file.")
def main(
    lists: bool, judge: str, which: str, only: str, every: int, limit: int, jobs: int, raw: Path | None,
) -> None:
    """List or judge broken sparsifiers."""
    if not lists and not judge:
        raise click.UsageError("nothing to do: --list or --judge NAME")
    subjects = [*_showing(jobs, lists)] if which == "products" else [*miniatures()]
    subjects = [one for one in subjects if fnmatch(one.name, only)][::every]
    if judge:
        results = [*_judged(subjects, judge, which, limit, jobs)]
        for line in lines(results):
            click.echo(line)
        if raw is not None:
            raw.write_bytes(msgspec.json.Encoder().encode_lines(results))
    elif which == "miniatures":
        for one in subjects:
            click.echo(f"{one.name}: {one.says}")


def _showing(jobs: int, lists: bool) -> Iterator[Broken]:
    """Yield the products that differ from the exemplar under their condition alone."""
    counted: Counter[Shows] = Counter()
    for broken, shows in check_all(jobs):
        counted[shows] += 1
        if lists:
            click.echo(f"{shows.name:9} {broken.name}")
        if shows is Shows.YES:
            yield broken
    words = "; ".join(f"{count} {shows.value}" for shows, count in counted.items())
    click.echo(f"{sum(counted.values())} products: {words}", err=True)


def _judged(subjects: list[Broken], judge: str, which: str, limit: int, jobs: int) -> Iterator[Result]:
    looks = which == "products"
    known = reach_all(jobs, looks and judge == "corpus", looks and judge == "cases")
    for number, result in enumerate(judge_all(subjects, JUDGES.get(judge, judge), limit, jobs, known), 1):
        if number % 20 == 0:
            click.echo(f"{number} of {len(subjects)}", err=True)
        yield result


if __name__ == "__main__":
    main()
