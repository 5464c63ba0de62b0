"""The command `sparsecheck try`: judge a sparsifier on a model of the user's own."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.names import select_sparsifiers
from ...commands.paths import AdapterFile, InputPath
from ...commands.terminal import echo, progress
from ...errors import OK, RED, BadUsage, NotJudged

if TYPE_CHECKING:
    from ...adapter.discovery import Found
    from .judge import Answer, Judge
    from .own_model import OwnModel
    from .planning import Layer, PlanFile


@click.command("try")
@click.argument("name", required=False)
@click.option("--model", "where", required=True, metavar="MODULE:FUNCTION",
              help="A function that returns a model and an example input; FILE.py:FUNCTION is one, too.")
@click.option("--adapter", "adapters", multiple=True, type=AdapterFile(), help="Try the adapter in this file.")
@click.option("--plan", "plan_file", type=InputPath(), metavar="FILE.toml",
              help="Plan the parameters in this file, instead of every weight.")
@click.option("--level", default=0.5, show_default=True, type=click.FloatRange(0, 1),
              help="The fraction to remove of every weight, without --plan.")
def try_(name: str | None, where: str, adapters: tuple[Path, ...], plan_file: Path | None, level: float) -> None:
    """Judge the sparsifier NAME on a model of your own, layer by layer and as a whole.

    Each planned parameter is tried alone: attach, update, train, finalize. Then all that are taken are planned
    together and live through updates, training, copies, saving and restoring, also in a fresh process, finalize and
    export. After each step, masks, weights, outputs, gradients and flags are compared with those of a dense model
    with the same masks.

    Your function is called in this process and in another one. It may return a tuple of arguments or a dictionary of
    keyword arguments as the example. The model is in train mode, unless its output is random there.

    Exit codes: 0 everything that the sparsifier takes holds; 1 something fails; 2 bad usage, or nothing is taken.
    """
    [chosen, *others] = select_sparsifiers((name,) if name else (), adapters, (), ())
    if others:
        raise BadUsage("one sparsifier is tried at a time", "Name one.")
    files = tuple(file.absolute() for file in adapters)
    found = _loaded(chosen, files)
    from .own_model import load_model
    from .planning import default_plan, layers_of, read_plan

    content = read_plan(plan_file) if plan_file else default_plan(found.declaration, level)
    own = load_model(where)
    sys.exit(_judge(found, own, [*layers_of(own, content)], content, files))


def _loaded(name: str, files: Sequence[Path]) -> Found:
    """Return the loaded adapter, which must be of the mask profile.

    Raises:
        NotJudged: It is of another one.
    """
    from ...adapter.discovery import find, load

    found = load(find(name, files))
    if found.declaration.profile != "mask":
        why = f"{name} has the profile {found.declaration.profile}, and a model can be tried in the profile mask alone"
        raise NotJudged(why, "Use sparsecheck explore.")
    return found


def _judge(found: Found, own: OwnModel, layers: list[Layer], content: PlanFile, files: tuple[Path, ...]) -> int:
    """Judge, print each answer as soon as it is known, and return the exit code."""
    from .judge import Judge

    judge = Judge(found, own, files)
    for line in _head(found, own, layers):
        echo(line)
    with progress() as show:
        alone = [*_alone(judge, layers, show)]
        answers = [answer for _, answer in alone]
        if all(one.standing == "refuses" for one in answers):
            raise NotJudged(f"no parameter of {own.where} is taken by {found.name}", "Plan others with --plan.")
        if taken := [layer for layer, answer in alone if answer.standing in ("holds", "not judged")]:
            show("")
            echo(f"{len(taken)} planned together:")
            answers += _shown(judge.together(taken, content.scope), show)
    echo(_end(found.name, answers))
    return RED if any(one.standing == "fails" for one in answers) else OK


def _alone(judge: Judge, layers: list[Layer], show: Callable[[str], None]) -> Iterator[tuple[Layer, Answer]]:
    """Judge and print each parameter alone."""
    width = max(len(layer.name) for layer in layers)
    for number, (layer, answer) in enumerate(judge.alone(layers), 1):
        shape = "x".join(map(str, layer.parameter.shape))
        show("")
        echo(f"  {answer.standing:<10}  {answer.what:<{width}}  {layer.kind} {shape}")
        if answer.why:
            echo(f"              {answer.why}")
        show(f"{number} of {len(layers)} parameters")
        yield layer, answer


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


def _head(found: Found, own: OwnModel, layers: list[Layer]) -> Iterator[str]:
    import torch

    count = sum(one.numel() for one in own.model.parameters())
    mode = f", {own.note}" if own.note else ""
    yield f"{found.name} on {own.where}: {count:,} parameters, torch {torch.__version__}{mode}"
    yield f"{len(layers)} planned, each alone:"


def _end(name: str, answers: list[Answer]) -> str:
    counts = Counter[str](one.standing for one in answers)
    order = ("fails", "holds", "refuses", "not judged")
    return f"{name}: " + ", ".join(f"{counts[one]} {one}" for one in order if counts[one])
