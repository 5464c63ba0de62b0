"""One normative sentence, and over which axes it is judged."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Level = Literal["core", "extended", "provisional"]
Profile = Literal["mask", "structural"]

CANONICAL_PATTERN = "canonical"
"""On the pattern axis: the first pattern that the sparsifier supports."""

LEVELLED_PATTERN = "levelled"
"""On the pattern axis: the first pattern with a level that the sparsifier supports, else the canonical one."""

ACCELERATOR = "accelerator"
"""On the device axis: whatever accelerator torch knows here."""

ACCELERATOR_ELSEWHERE = "cuda"
"""As what the cells of an accelerator are planned where there is none."""


class Requirement(Struct, frozen=True, kw_only=True):
    """What every correct sparsifier does.

    id: stable, area and number (`MASK-03`).
    sentence: one sentence, normative.
    source: the paper, torch function or issue it comes from.
    since: the catalogue version it entered.
    layers, patterns, dtypes, devices: values on the axes; the first of each is the canonical one,
        and the axes vary one at a time from the canonical cell.
    needs: capabilities it takes beyond those its axes imply.
    torch: a PEP 440 specifier; where torch does not meet it the cells are unavailable.
    offers: what an accelerator must have beyond computing, of `graphs` and `peak memory`; else the cells there are
        unavailable.
    unless: contract clauses under which it has no meaning, as (clause, value) pairs; it is not planned there.
    """

    id: str
    level: Level
    sentence: str
    source: str
    since: int = 1
    layers: tuple[str, ...] = ("linear",)
    patterns: tuple[str, ...] = (CANONICAL_PATTERN,)
    dtypes: tuple[str, ...] = ("float32",)
    devices: tuple[str, ...] = ("cpu",)
    needs: tuple[str, ...] = ()
    torch: str = ""
    offers: tuple[str, ...] = ()
    unless: tuple[tuple[str, str], ...] = ()
    profiles: tuple[Profile, ...] = ("mask",)

    @property
    def area(self) -> str:
        """The part of the catalogue it belongs to, `MASK` of `MASK-03`."""
        return self.id.rpartition("-")[0]
