"""What runs of the gate found."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from sparsecheck.features.bench.compare import SHORT, Standing
from sparsecheck.values.timing import Ratio


class Found(Struct, frozen=True):
    """One entry of one run. seconds: of the call. ratio: to the frozen copy."""

    key: str
    standing: str
    seconds: float
    ratio: Ratio | None


CONDITIONS = ("quiet", "loaded", "crowded")
"""What else the machine did: nothing, as much as there are other cores for, or several times that."""


class Run(Struct, frozen=True, omit_defaults=True):
    """One run of the gate.

    Attributes:
        condition: One of `CONDITIONS`.
        slowdown: The planted slowdown, as a fraction.
        is_former: Whether an earlier, less thorough gate made it; the page says which.
        is_saved: Whether it was compared with timings saved by another process, instead of in turns.
    """

    condition: str
    slowdown: float
    found: tuple[Found, ...]
    is_former: bool = False
    is_saved: bool = False

    @property
    def where(self) -> str:
        return f"{self.condition}{', against a file' * self.is_saved}{', formerly' * self.is_former}"

    @property
    def is_red(self) -> bool:
        return any(Standing[one.standing].is_red for one in self.found)


def read(path: Path) -> tuple[Run, ...]:
    """All runs of a file."""
    return tuple(msgspec.json.decode(line, type=Run) for line in path.read_bytes().splitlines())


def long_enough(runs: Iterable[Run]) -> list[Found]:
    """Return the entries for which the gate must find a slowdown of a tenth."""
    return [one for run in runs for one in run.found if one.seconds >= SHORT]
