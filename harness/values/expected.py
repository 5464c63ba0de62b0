"""Known defects as values, as expectation files and reports have them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Expected(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One known defect: an entry `[[defect]]`, or an entry of the older form `[[known]]`, which has no id.

    Attributes:
        sparsifiers: The names of the sparsifiers that have the defect.
        signatures: The failures that it explains: the kind of each, and a pattern for its message.
        reason: The reason for the failures, as a sentence.
        id: A slug that names the defect in reports.
        requirements: Ids of requirements; `AREA-*` for a whole area, or `*` for all (with an axis).
        cells: Instead of requirements and axes: cells written `REQUIREMENT/layer/pattern/dtype/device`. A part may be
            `*`, and trailing parts may be omitted. With the prefix `NAME:`, a cell belongs to that sparsifier only.
        link: The upstream issue or another description.
        layer: Values of the layer axis; empty for all.
        pattern: Values of the pattern axis; empty for all.
        dtype: Values of the dtype axis; empty for all.
        device: Values of the device axis; empty for all.
        torch: A PEP 440 specifier on torch; the entry holds only under a matching version.
        version: A PEP 440 specifier on the sparsifier's distribution, likewise.
        platform: A prefix of `sys.platform`, likewise.
        until: A PEP 440 specifier on the distribution. Once the version matches, the entry is an error.
    """

    sparsifiers: tuple[str, ...]
    signatures: tuple[str, ...]
    reason: str
    id: str = ""
    requirements: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    link: str = ""
    layer: tuple[str, ...] = ()
    pattern: tuple[str, ...] = ()
    dtype: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    torch: str = ""
    version: str = ""
    platform: str = ""
    until: str = ""

    @property
    def title(self) -> str:
        """Return the name of the entry in messages: its id, or the requirements it is about."""
        if self.id:
            return f"defect {self.id}"
        return f"the expectation on {', '.join(self.requirements or self.cells)}"


def different_entries(one: Iterable[Expected], other: Iterable[Expected]) -> str:
    """Return the titles of the entries that are only in one of two lists, or an empty string."""
    one, other = tuple(one), tuple(other)
    different = [entry.title for entry in (*one, *other) if entry not in one or entry not in other]
    return ", ".join(dict.fromkeys(different))
