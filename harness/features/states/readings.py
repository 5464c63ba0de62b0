"""What was found when a state was read, and files of it: JSON Lines, with the count last. No torch here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from ... import files
from ...errors import SparsecheckError
from .stored_states import Maker

Verdict = Literal["restored", "known", "unavailable", "failed", "unsafe", "damaged"]
"""restored: masks exactly, the output within tolerance. known: it fails as the expectations beside the adapter say of
`STATE-11`. unavailable: its package is not here, or not for the CPU. failed: it raises, or masks or output differ.
unsafe: torch.load(weights_only=True) refuses it. damaged: the files are not those recorded. The last three are red."""

RED: tuple[Verdict, ...] = ("failed", "unsafe", "damaged")


class InvalidVerdicts(SparsecheckError):
    """A file that does not hold verdicts, or not all that were written."""


class Reading(Struct, frozen=True, kw_only=True):
    """One state, read once. written: under which torch release. finding: why it is red or unavailable, in a sentence.
    moved: how far the output is from the one seen then, where it is not the same; `maker`: None where it is unknown."""

    sparsifier: str
    written: str
    maker: Maker | None
    reader: Maker
    date: str
    verdict: Verdict
    finding: str = ""
    moved: str = ""


class _Count(Struct, frozen=True, forbid_unknown_fields=True):
    count: int


def write(readings: Iterable[Reading], path: Path) -> None:
    """Write them, all or none.

    Raises:
        CannotWrite: They cannot be written.
    """
    lines = [msgspec.json.encode(one) for one in readings]
    lines.append(msgspec.json.encode(_Count(len(lines))))
    files.write(path, b"\n".join(lines) + b"\n", "Name another file with --json.")


def read(path: Path) -> tuple[Reading, ...]:
    """What `write` wrote.

    Raises:
        InvalidVerdicts: it is no such file, or was cut short.
    """
    try:
        *lines, last = path.read_bytes().splitlines() or [b""]
        count = msgspec.json.decode(last, type=_Count).count
        readings = tuple(msgspec.json.decode(line, type=Reading) for line in lines)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidVerdicts(f"{path} holds no whole verdicts on states ({error}); write it anew by --json") from None
    if count != len(readings):
        raise InvalidVerdicts(f"{path} holds {len(readings)} of {count} verdicts; write it anew by --json")
    return readings


def exit_code(readings: Iterable[Reading]) -> int:
    """0 where something was restored and nothing is red, else 1."""
    verdicts = [one.verdict for one in readings]
    return 0 if "restored" in verdicts and not set(RED) & set(verdicts) else 1
