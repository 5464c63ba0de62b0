"""Attack the installed sparsecheck: `python -m tools.attack`.

Prints HELD or BROKEN for each attack, with the exit code and the message that a maintainer sees. Exits with 1 if any
attack is broken.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import click

from tests.warm_python import address, warm_processes
from tools.attack.attack import Attack, attacks
from tools.attack.attacking import Outcome, Result, carry_out
from tools.attack.lines import LINES


@click.command()
@click.option("--only", default="*", metavar="GLOB", help="Only attacks whose name or line matches, such as 'A7'.")
@click.option("--fast", is_flag=True, help="Leave out the attacks that take more than about two seconds.")
@click.option("--jobs", "-j", default=2, show_default=True, help="Number of attacks at the same time.")
@click.option("--cold", is_flag=True, help="Start every process from nothing instead of forking a warm one.")
@click.option("--list", "listing", is_flag=True, help="List the attacks and carry out none.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the results to this file.")
def main(only: str, fast: bool, jobs: int, cold: bool, listing: bool, target: Path | None) -> None:
    """Attack the installed sparsecheck."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores both in what it runs in the background
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    chosen = attacks(only, fast)
    if not chosen:
        raise click.UsageError(f"no attack matches {only!r}")
    if listing:
        _list(chosen)
        return
    with nullcontext() if cold else warm_processes():
        if not cold:
            address()
        results = carry_out(chosen, jobs, cold, _show)
    if target is not None:
        target.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n", "utf-8")
    broken = [one for one in results if one.outcome == "BROKEN"]
    counts = Counter(one.outcome for one in results)
    click.echo("\n" + ", ".join(f"{counts[outcome]} {outcome}" for outcome in get_args(Outcome)))
    for one in broken:
        click.echo(f"BROKEN {one.attack}: {one.problem}")
    sys.exit(1 if broken else 0)


def _list(chosen: list[Attack]) -> None:
    for line, title in LINES.items():
        click.echo(f"{line}: {title}")
        for one in (one for one in chosen if one.line == line):
            click.echo(f"  {one.name}{'  (slow)' if one.is_slow else ''}\n    {one.summary}")


def _show(result: Result) -> None:
    seen = f"{result.problem} | {result.message}" if result.problem else result.message
    click.echo(f"{result.outcome:<7}{result.line:<4}{result.attack}  {result.code}  {result.seconds:.1f}s  {seen}")


if __name__ == "__main__":
    main()
