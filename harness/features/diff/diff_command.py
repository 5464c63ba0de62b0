"""The command `sparsecheck diff`: compare the numerical behaviour of sparsifiers between releases or torch versions."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ... import files
from ...commands.paths import OutputPath, SnapshotOrRelease
from ...commands.terminal import echo, echo_document
from ...errors import BadUsage
from .snapshot_command import ADAPTER, snapshot_runner, take_side

if TYPE_CHECKING:
    from .differences import Comparison, Side
    from .snapshot import Snapshot
    from .snapshot_in_subprocesses import SnapshotRunner

HERE = "here"
_FILE, _SIDE = OutputPath(allow_dash=True), SnapshotOrRelease()


@click.command()
@click.argument("before", metavar="A", type=_SIDE)
@click.argument("after", metavar="B", type=_SIDE)
@click.option("--sparsifier", "names", multiple=True, metavar="NAME", help="Compare only this one (repeatable).")
@click.option("--adapter", "adapters", multiple=True, type=ADAPTER,
              help="An adapter file for a release, or for the installed package, that registers no adapter.")
@click.option("--markdown", type=_FILE, help="Write a Markdown page to this file.")
@click.option("--json", "json_file", type=_FILE, help="Write all changes as JSON to this file (- for stdout).")
@click.option("--limit", default=300.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Seconds that the snapshot of one sparsifier may take.")
def diff(
    before: str, after: str, names: tuple[str, ...], adapters: tuple[Path, ...], markdown: Path | None,
    json_file: Path | None, limit: float,
) -> None:
    """Compare the numerical behaviour of two releases.

    This compares masks, outputs, operator counts and state dicts.

    A and B are each a file or folder that `sparsecheck snapshot` wrote, a release as NAME==VERSION, which is installed
    separately, or `here`, the installed packages.

    Exit codes: 0 nothing changed; 1 something changed; 2 bad usage, or snapshots that cannot be compared; 3
    interrupted.
    """
    comparison = _compare(*_sides((before, after), snapshot_runner(adapters, limit), names))
    if not (comparison.differences or comparison.alone):
        raise BadUsage("there is no snapshot on either side")
    from .render import render_markdown, render_text

    for line in render_text(comparison):
        echo(line)
    if markdown is not None:
        _write(markdown, render_markdown(comparison))
    if json_file is not None:
        _write(json_file, _json(comparison))
    sys.exit(0 if comparison.is_same else 1)


def _sides(texts: tuple[str, str], runner: SnapshotRunner, names: tuple[str, ...]) -> tuple[Side, Side]:
    """Return both sides; `here` comes last, because the other side determines its sparsifiers."""
    found = [None if text == HERE else _other(text, runner, names) for text in texts]
    others = dict.fromkeys(name for side in found if side is not None for name in (*side.snapshots, *side.problems))
    here = _here(runner, names or tuple(others)) if None in found else None
    one, other = (here if side is None else side for side in found)
    assert one is not None
    assert other is not None
    return one, other


def _here(runner: SnapshotRunner, names: tuple[str, ...]) -> Side:
    from ...adapter.discovery import registrations
    from .differences import Problem, Side

    obstacles = {one.name: one.obstacle for one in registrations(runner.adapters)}
    known = tuple(name for name in names if obstacles.get(name) == "")
    lacking = {name: Problem(obstacles.get(name, "not registered here")) for name in names if name not in known}
    if names and not known:
        return Side(HERE, {}, lacking)
    side = take_side(runner, known, None)
    return Side(HERE, side.snapshots, {**side.problems, **lacking})


def _other(text: str, runner: SnapshotRunner, names: tuple[str, ...]) -> Side:
    from ...suggestions import quoted
    from .bundle import BUNDLE, read

    path = Path(text)
    bundle = Path(f"{text}{BUNDLE}")
    if not os.path.exists(path) and os.path.exists(bundle):
        path = bundle
    if not os.path.exists(path):
        if "==" in text:
            return take_side(runner, names, text)
        raise BadUsage(f"{quoted(text)} is neither {HERE!r}, nor a release (NAME==VERSION), nor an existing file or "
                       "folder")
    return _selected(text, read(path), names)


def _selected(text: str, found: dict[str, Snapshot], names: tuple[str, ...]) -> Side:
    from .differences import Side

    if lacking := [name for name in names if name not in found]:
        raise BadUsage(f"{text} contains no snapshot of {', '.join(lacking)}")
    return Side(text, {name: one for name, one in found.items() if not names or name in names}, {})


def _compare(before: Side, after: Side) -> Comparison:
    from .compare import compare_sides

    for side in (before, after):
        for name, one in side.problems.items():
            if not one.is_declared:
                echo(f"sparsecheck: {side.label}: {name} has no snapshot: {one.why}", err=True)
    return compare_sides(before, after)


def _json(comparison: Comparison) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(comparison), indent=1).decode() + "\n"


def _write(file: Path, text: str) -> None:
    if str(file) == "-":
        echo_document(text)
    else:
        files.write(file, text)
