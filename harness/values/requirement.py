"""Requirements: one normative sentence each, and the axes it is judged on."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Level = Literal["core", "extended", "provisional"]
Profile = Literal["mask", "structural"]

CANONICAL_PATTERN = "canonical"
"""Pattern-axis token for the first pattern that the sparsifier supports."""

LEVELLED_PATTERN = "levelled"
"""Pattern-axis token for the first supported pattern with a level, or the canonical one if there is none."""

OFFERED = "offered"
"""Pattern-axis and dtype-axis token of cells whose programs take both from what the sparsifier offers."""

ACCELERATOR = "accelerator"
"""Device-axis token for the accelerator that torch finds on this machine."""

ACCELERATOR_ELSEWHERE = "cuda"
"""The device type under which accelerator cells are planned if no accelerator is present."""


class Requirement(Struct, frozen=True, kw_only=True):
    """One normative sentence about every correct sparsifier, and the cells it is judged on.

    Attributes:
        id: Area and number, such as `MASK-03`; never reused.
        level: `core`, `extended`, or `provisional` (judged and shown, but never red).
        sentence: The requirement in one sentence. May be reworded at any time.
        source: The paper, torch function or issue it comes from. May be reworded at any time.
        since: The catalogue version that introduced it.
        revised: The catalogue versions in which the meaning of an existing cell changed, in order; each raises the
            revision by one. A new axis value is a new cell and changes nothing.
        layers, patterns, dtypes, devices: Values on the axes. The first of each is canonical, and the axes vary one at
            a time from the canonical cell.
        needs: Capabilities it needs beyond those that its axes imply.
        torch: A PEP 440 specifier; on any other torch the cells are unavailable.
        offers: Abilities that an accelerator needs beyond computing: `graphs`, `peak memory`. Cells on an accelerator
            without them are unavailable.
        unless: Contract clauses under which it is meaningless and not planned, as (clause, value) pairs.
        profiles: The profiles it applies to.
        added: Axis values that entered after the requirement did, as (value, catalogue version) pairs.
        refuses: Capabilities whose refusal it judges, once each. A cell is planned only if it lacks one of them and
            nothing else. `rest of block` stands for the part of a partly supported pattern that is not declared.
    """

    id: str
    level: Level
    sentence: str
    source: str
    since: int = 1
    revised: tuple[int, ...] = ()
    layers: tuple[str, ...] = ("linear",)
    patterns: tuple[str, ...] = (CANONICAL_PATTERN,)
    dtypes: tuple[str, ...] = ("float32",)
    devices: tuple[str, ...] = ("cpu",)
    needs: tuple[str, ...] = ()
    torch: str = ""
    offers: tuple[str, ...] = ()
    unless: tuple[tuple[str, str], ...] = ()
    profiles: tuple[Profile, ...] = ("mask",)
    added: tuple[tuple[str, int], ...] = ()
    refuses: tuple[str, ...] = ()

    @property
    def area(self) -> str:
        """Return the area of the catalogue, `MASK` for `MASK-03`."""
        return self.id.rpartition("-")[0]

    @property
    def revision(self) -> int:
        """Return the number of meanings that the cells have had; 1 at first."""
        return 1 + len(self.revised)

    def introduced(self, *values: str) -> int:
        """Return the catalogue version in which a cell with these axis values got its present meaning."""
        return max((self.since, *self.revised, *(version for value, version in self.added if value in values)))
