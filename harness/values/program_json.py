"""Programs of every profile as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from .program import InvalidProgram, Program
from .requirement import Profile
from .structural_program import StructuralProgram

AnyProgram = Program | StructuralProgram


class _Head(Struct):
    """The part of a program's JSON that says which form it has."""

    profile: str = "mask"


def to_json(program: AnyProgram) -> bytes:
    """Return a program as indented JSON that ends with a newline."""
    return msgspec.json.format(to_line(program), indent=1) + b"\n"


def to_line(program: AnyProgram) -> bytes:
    """Return a program as JSON in one line."""
    head: dict[str, Any] = {"format": program.format}
    if isinstance(program, StructuralProgram):
        head["profile"] = program.profile
    return msgspec.json.encode({**head, **msgspec.to_builtins(program)})


def profile_of(program: AnyProgram) -> Profile:
    """Return the profile that a program is of."""
    return "mask" if isinstance(program, Program) else program.profile


def from_json(text: bytes, where: str) -> AnyProgram:
    """Return the program that JSON describes.

    Args:
        text: The JSON.
        where: The name of its file, for the message.

    Raises:
        InvalidProgram: It describes none.
    """
    try:
        is_structural = msgspec.json.decode(text, type=_Head).profile == "structural"
        return msgspec.json.decode(text, type=StructuralProgram if is_structural else Program)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidProgram(
            f"{where} is no program: {error}", "Programs are written by `sparsecheck explore --save`."
        ) from None
