"""The corpus: the skeletons that every sparsifier of a profile is judged by, each under a name of its own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from .. import reading
from ..values.program import InvalidProgram
from ..values.skeleton import Skeleton
from .structural.skeleton import StructuralSkeleton

FOLDER = "programs"
"""The subfolder of the references that holds the corpus."""

COVERING = {"mask": "covering.jsonl", "structural": "channels_covering.jsonl"}
"""By profile, the file of the covering array, written by `python -m tools.corpus write`."""

FOUND = {"mask": "found.jsonl", "structural": "channels_found.jsonl"}
"""By profile, the file of the skeletons that someone found by other means; new ones are added at its end."""

_NAMES = {"mask": ("walk", "found"), "structural": ("channels", "channels-found")}

S = TypeVar("S", bound=Struct)


def path_of(file: str) -> Path:
    """Return the path of a file of the corpus."""
    return Path(str(files("sparsecheck.reference"))) / FOLDER / file


@cache
def corpus() -> dict[str, Skeleton]:
    """Return every skeleton of the mask profile by name, such as `walk-017`.

    Raises:
        InvalidProgram: A file has a line that is no skeleton.
        CannotRead: There is no such file.
    """
    return _named("mask", Skeleton)


@cache
def structural_corpus() -> dict[str, StructuralSkeleton]:
    """Return every skeleton of the structural profile by name, such as `channels-017`.

    Raises:
        InvalidProgram: A file has a line that is no skeleton.
        CannotRead: There is no such file.
    """
    return _named("structural", StructuralSkeleton)


def _named(profile: str, kind: type[S]) -> dict[str, S]:
    places = zip((COVERING[profile], FOUND[profile]), _NAMES[profile], strict=True)
    return {
        f"{name}-{number:03}": skeleton
        for file, name in places for number, skeleton in enumerate(read(path_of(file), kind), 1)
    }


def read(path: Path, kind: type[S]) -> list[S]:
    """Return the skeletons of a file, in the order of its lines.

    Args:
        path: The file.
        kind: The type of its skeletons.

    Raises:
        InvalidProgram: A line is no skeleton.
        CannotRead: There is no such file.
    """
    return [_skeleton(line, f"{path.name}, line {number}", kind)
            for number, line in enumerate(reading.read_bytes(path).splitlines(), 1)]


def _skeleton(line: bytes, where: str, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        hint = "The corpus is written by `python -m tools.corpus write`."
        raise InvalidProgram(f"{where} is no skeleton: {error}", hint) from None


def to_line(skeleton: Struct) -> bytes:
    """Return a skeleton as a line of JSON."""
    return msgspec.json.encode(skeleton) + b"\n"
