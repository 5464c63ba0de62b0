"""The command `sparsecheck try`: judge a sparsifier on a model of the user's own."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.names import select_sparsifiers
from ...commands.paths import AdapterFile, InputPath
from ...commands.terminal import echo, progress
from ...errors import OK, RED, BadUsage, Incomplete, NotJudged
from .messages import Answer, Ask, Ready, Request

if TYPE_CHECKING:
    from .runner import Runner


@click.command("try")
@click.argument("name", required=False)
@click.option("--model", "where", required=True, metavar="MODULE:FUNCTION",
              help="A function that returns a model and an example input; FILE.py:FUNCTION is one, too.")
@click.option("--adapter", "adapters", multiple=True, type=AdapterFile(), help="Try the adapter in this file.")
@click.option("--plan", "plan_file", type=InputPath(), metavar="FILE.toml",
              help="Plan the parameters in this file, instead of every weight.")
@click.option("--level", default=0.5, show_default=True, type=click.FloatRange(0, 1),
              help="The fraction to remove of every weight, without --plan.")
@click.option("--limit", default=300.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Time limit for one weight or one statement, in seconds; one that takes longer fails.")
def try_(
    name: str | None, where: str, adapters: tuple[Path, ...], plan_file: Path | None, level: float, limit: float
) -> None:
    """Judge the sparsifier NAME on a model of your own, layer by layer and as a whole.

    Each planned parameter is tried alone: attach, update, train, finalize. Then all that are taken are planned
    together and live through updates, training, copies, saving and restoring, also in a fresh process, finalize and
    export. After each step, masks, weights, outputs, gradients and flags are compared with those of a dense model
    with the same masks; or, where channels are removed, with the model before the update, in which those are zero.

    All of that happens in another process. If the sparsifier ends it or hangs, that fails, and another one goes on.

    Your function is called in each of them. It may return a tuple of arguments or a dictionary of
    keyword arguments as the example. The model is in train mode, unless its output is random there.

    Exit codes: 0 everything that the sparsifier takes holds; 1 something fails; 2 bad usage, or nothing is taken.
    """
    [chosen, *others] = select_sparsifiers((name,) if name else (), adapters, (), ())
    if others:
        raise BadUsage("one sparsifier is tried at a time", "Name one.")
    files = tuple(str(file.absolute()) for file in adapters)
    plan = str(plan_file.absolute()) if plan_file else ""
    sys.exit(_try(Request(chosen, files, where, plan, level, _threads()), limit))


def _threads() -> int:
    """Return the number of threads that the user allows torch."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return int(allowed) if allowed.isdigit() and int(allowed) else os.cpu_count() or 1


def _try(request: Request, limit: float) -> int:
    """Try a sparsifier in a child process, print each answer as soon as it is known, and return the exit code.

    Raises:
        Incomplete: It was interrupted.
        NotJudged: The adapter, the model or the plan cannot be used, or nothing is taken.
    """
    from ...run.lines import answering_children
    from .runner import Runner

    losses, code = list[str](), None
    with progress() as show, answering_children(losses, forked=False) as (children, folder):
        runner = Runner(request, limit, children, folder)
        try:
            code = _judge(request, runner, show)
        finally:
            runner.close()
    if code is None or losses:
        raise Incomplete(losses[0] if losses else "interrupted")
    return code


def _judge(request: Request, runner: Runner, show: Callable[[str], None]) -> int:
    ready = runner.ready()
    echo(ready.head)
    echo(f"{len(ready.layers)} planned, each alone:")
    answers = [*_alone(runner, ready, show)]
    if all(one.standing == "refuses" for one in answers):
        raise NotJudged(f"no parameter of {request.model} is taken by {request.sparsifier}",
                        "Plan others with --plan.")
    if taken := [number for number, one in enumerate(answers) if one.is_taken]:
        show("")
        echo(f"{len(taken)} planned together:")
        asked = (runner.ask(Ask(tuple(taken), what), what) for what in ready.statements)
        answers += _shown(asked, show)
    echo(_end(request.sparsifier, answers))
    return RED if any(one.standing == "fails" for one in answers) else OK


def _alone(runner: Runner, ready: Ready, show: Callable[[str], None]) -> Iterator[Answer]:
    """Judge and print each parameter alone."""
    width = max((len(layer.name) for layer in ready.layers), default=0)
    for number, layer in enumerate(ready.layers):
        answer = runner.ask(Ask((number,)), layer.name)
        show("")
        echo(f"  {answer.standing:<10}  {answer.what:<{width}}  {layer.place}")
        if answer.why:
            echo(f"              {answer.why}")
        show(f"{number + 1} of {len(ready.layers)} parameters")
        yield answer


def _shown(answers: Iterator[Answer], show: Callable[[str], None]) -> Iterator[Answer]:
    """Print each statement about the whole plan; a failure that was shown before is not repeated."""
    said = set[str]()
    for answer in answers:
        show("")
        echo(f"  {answer.standing:<10}  {answer.what}")
        if answer.why:
            echo(f"              {answer.why if answer.why not in said else 'as above'}")
        said.add(answer.why)
        yield answer


def _end(name: str, answers: list[Answer]) -> str:
    counts = Counter[str](one.standing for one in answers)
    order = ("fails", "holds", "refuses", "not judged")
    return f"{name}: " + ", ".join(f"{counts[one]} {one}" for one in order if counts[one])
