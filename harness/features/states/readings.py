"""The results of reading states, and their files: JSON Lines that end with a count. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from ... import files, reading
from ...errors import SparsecheckError
from .stored_states import Maker

Verdict = Literal["restored", "known", "unavailable", "failed", "unsafe", "damaged"]
"""The result of reading one state.

- restored: the masks are equal, and the output is within the tolerance.
- known: it fails as the adapter's expectations for `STATE-11` say.
- unavailable: its package is not installed, or does not support the CPU.
- failed: restoring raises, or masks or output differ.
- unsafe: `torch.load(weights_only=True)` refuses it.
- damaged: a file is not the one in the manifest.
"""

RED: tuple[Verdict, ...] = ("failed", "unsafe", "damaged")
"""The results that fail a read."""


class InvalidReadings(SparsecheckError):
    """Raised if a file is not a complete file of readings."""


class Reading(Struct, frozen=True, kw_only=True):
    """The result of reading one state once.

    Attributes:
        sparsifier: The registered name; empty for a file that belongs to no sparsifier.
        written: The torch release that wrote it.
        maker: The versions with which it was written; None if unknown.
        reader: The versions with which it was read.
        date: The date on which it was read.
        verdict: The result.
        finding: The reason if it was not restored, as a sentence.
        moved: The difference of the output from the stored one, in words; empty if they are equal.
    """

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
    """Write a file of readings atomically.

    Raises:
        CannotWrite: The file cannot be written.
    """
    lines = [msgspec.json.encode(one) for one in readings]
    lines.append(msgspec.json.encode(_Count(len(lines))))
    files.write(path, b"\n".join(lines) + b"\n", "Name another file with --json.")


def read(path: Path) -> tuple[Reading, ...]:
    """Read a file of readings.

    Raises:
        InvalidReadings: The file cannot be read, is another kind of file, or is truncated.
    """
    try:
        *lines, last = reading.read_bytes(path).splitlines() or [b""]
        count = reading.parse_json(last, _Count).count
        readings = tuple(reading.parse_json(line, Reading) for line in lines)
    except reading.CannotRead as error:
        raise InvalidReadings(
            f"{path} is not a complete file of readings ({error}); write it again with `states read --json`"
        ) from None
    if count != len(readings):
        raise InvalidReadings(
            f"{path} contains {len(readings)} of {count} readings; write it again with `states read --json`"
        )
    return readings


def exit_code(readings: Iterable[Reading]) -> int:
    """Return 0 if a state was restored and no reading is red, otherwise 1."""
    verdicts = [one.verdict for one in readings]
    return 0 if "restored" in verdicts and not set(RED) & set(verdicts) else 1
