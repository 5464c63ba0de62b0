"""The corpus: the skeletons that every sparsifier is judged by, each under a name of its own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec

from .. import reading
from ..values.program import InvalidProgram
from ..values.skeleton import Skeleton

FOLDER = "programs"
"""The subfolder of the references that holds the corpus."""

COVERING = "covering.jsonl"
"""The file of the covering array, written by `python -m tools.corpus write`."""

FOUND = "found.jsonl"
"""The file of the skeletons that someone found by other means; new ones are added at its end."""

_NAMES = {COVERING: "walk", FOUND: "found"}


def path_of(file: str) -> Path:
    """Return the path of a file of the corpus."""
    return Path(str(files("sparsecheck.reference"))) / FOLDER / file


@cache
def corpus() -> dict[str, Skeleton]:
    """Return every skeleton by name, such as `walk-017`.

    Raises:
        InvalidProgram: A file has a line that is no skeleton.
        CannotRead: There is no such file.
    """
    return {
        f"{name}-{number:03}": skeleton
        for file, name in _NAMES.items() for number, skeleton in enumerate(read(path_of(file)), 1)
    }


def read(path: Path) -> list[Skeleton]:
    """Return the skeletons of a file, in the order of its lines.

    Raises:
        InvalidProgram: A line is no skeleton.
        CannotRead: There is no such file.
    """
    return [_skeleton(line, f"{path.name}, line {number}")
            for number, line in enumerate(reading.read_bytes(path).splitlines(), 1)]


def _skeleton(line: bytes, where: str) -> Skeleton:
    try:
        return msgspec.json.decode(line, type=Skeleton)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        hint = "The corpus is written by `python -m tools.corpus write`."
        raise InvalidProgram(f"{where} is no skeleton: {error}", hint) from None


def to_line(skeleton: Skeleton) -> bytes:
    """Return a skeleton as a line of JSON."""
    return msgspec.json.encode(skeleton) + b"\n"
