"""`sparsecheck diff`: what changed in the behaviour of sparsifiers, between two releases, torches or recordings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ... import files
from ...errors import BadUsage
from .snapshot_command import ADAPTER, recorded, recorder

if TYPE_CHECKING:
    from .compare import Comparison, Side
    from .snapshot import Recording
    from .snapshot_in_subprocesses import Recorder

HERE = "here"
_FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@click.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--sparsifier", "names", multiple=True, metavar="NAME", help="Only this one.")
@click.option("--adapter", "adapters", multiple=True, type=ADAPTER,
              help="The adapter of a release whose own is not registered, or of what is here.")
@click.option("--markdown", type=_FILE, help="Write it as Markdown here.")
@click.option("--json", "json_file", type=_FILE, help="Write all of it as JSON here.")
@click.option("--limit", default=300.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Seconds that recording one sparsifier may take.")
def diff(
    before: str, after: str, names: tuple[str, ...], adapters: tuple[Path, ...], markdown: Path | None,
    json_file: Path | None, limit: float,
) -> None:
    """Tell what changed from A to B: masks, outputs, counts, state dicts; a release note for numerics.

    A and B are each a file or folder that `sparsecheck record` wrote, or a release as NAME==VERSION, which is
    installed apart and recorded, or `here`, which is recorded as it is installed. Exit codes: 0 nothing changed; 1
    something did; 2 bad usage, or what cannot be compared; 3 it was interrupted.
    """
    comparison = _compared(*_sides((before, after), recorder(adapters, limit), names))
    if not (comparison.differences or comparison.alone):
        raise BadUsage("nothing was recorded on either side")
    from .render import differences_markdown, differences_told

    for line in differences_told(comparison):
        click.echo(line)
    if markdown is not None:
        _write(markdown, differences_markdown(comparison))
    if json_file is not None:
        _write(json_file, _json(comparison))
    sys.exit(0 if comparison.is_same else 1)


def _sides(texts: tuple[str, str], how: Recorder, names: tuple[str, ...]) -> tuple[Side, Side]:
    """What is not `here` first: it says which sparsifiers are to be recorded here."""
    found = [None if text == HERE else _other(text, how, names) for text in texts]
    others = dict.fromkeys(name for side in found if side is not None for name in (*side.recordings, *side.problems))
    here = _here(how, names or tuple(others)) if None in found else None
    one, other = (here if side is None else side for side in found)
    assert one is not None
    assert other is not None
    return one, other


def _here(how: Recorder, names: tuple[str, ...]) -> Side:
    from ...adapter.discovery import registrations
    from .compare import Problem, Side

    obstacles = {one.name: one.obstacle for one in registrations(how.adapters)}
    known = tuple(name for name in names if obstacles.get(name) == "")
    lacking = {name: Problem(obstacles.get(name, "not registered here")) for name in names if name not in known}
    if names and not known:
        return Side(HERE, {}, lacking)
    side = recorded(how, known, None)
    return Side(HERE, side.recordings, {**side.problems, **lacking})


def _other(text: str, how: Recorder, names: tuple[str, ...]) -> Side:
    from ...suggestions import quoted
    from .snapshot import read_all

    path = Path(text)
    if not path.exists():
        if "==" in text:
            return recorded(how, names, text)
        raise BadUsage(f"{quoted(text)} is neither {HERE!r}, nor a release (NAME==VERSION), nor an existing file or "
                       "folder")
    return _selected(text, read_all(path), names)


def _selected(text: str, found: dict[str, Recording], names: tuple[str, ...]) -> Side:
    from .compare import Side

    if lacking := [name for name in names if name not in found]:
        raise BadUsage(f"{text} holds no recording of {', '.join(lacking)}")
    return Side(text, {name: one for name, one in found.items() if not names or name in names}, {})


def _compared(before: Side, after: Side) -> Comparison:
    from .compare import compared

    for side in (before, after):
        for name, one in side.problems.items():
            if not one.is_declared:
                click.echo(f"sparsecheck: {side.label}: {name} is not recorded: {one.why}", err=True)
    return compared(before, after)


def _json(comparison: Comparison) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(comparison), indent=1).decode() + "\n"


def _write(file: Path, text: str) -> None:
    if str(file) == "-":
        click.echo(text, nl=False)
    else:
        files.write(file, text)
