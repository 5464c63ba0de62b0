"""Identity of requirements across reports: those that two catalogues share, and those that are left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..catalogue import CATALOGUE, RETIRED
from ..suggestions import quoted
from ..values.cell import Cell
from ..values.record import Header

_VERSION_OF = {"008c8d8979609140": 3}
"""The catalogue version of a digest that reports of format 1 carry."""


@dataclass(frozen=True)
class LeftOut:
    """A requirement that is not compared or rendered, and why."""

    requirement: str
    reason: str


def judged_by(header: Header) -> Mapping[str, int]:
    """Return the revision of every requirement that a report was judged by, by id.

    A report of format 1 does not carry them: they are those of the catalogue version that its digest stands for, or, if
    the digest is unknown, those that it planned; all at revision 1.
    """
    if header.requirements:
        return header.requirements
    known = [one.id for one in CATALOGUE if one.since <= catalogue_version(header)]
    planned = [Cell.parse(cell).requirement for subject in header.subjects for cell in subject.planned]
    return dict.fromkeys((*known, *planned), 1)


_ID = re.compile(r"[A-Z]+-[0-9]+")


def contradiction(header: Header) -> str:
    """Return the reason why the identity in a header cannot be true, or an empty string.

    A header that plans a cell of a requirement that it does not list, or lists none, would have cells compared with
    nothing and dropped in silence.
    """
    if header.format == 1:
        return ""
    if not isinstance(header.catalogue, int) or header.catalogue < 1:
        return f"{quoted(str(header.catalogue))} is not the version of a catalogue"
    for id, revision in header.requirements.items():
        if not _ID.fullmatch(id):
            return f"{quoted(id)} is not the id of a requirement"
        if revision < 1:
            return f"{id} has revision {revision}, and the first revision is 1"
    planned = (Cell.parse(cell).requirement for subject in header.subjects for cell in subject.planned)
    missing = next((id for id in planned if id not in header.requirements), "")
    return f"a cell of {quoted(missing)} is planned, but the header does not list that requirement" if missing else ""


def catalogue_version(header: Header) -> int:
    """Return the version of the catalogue that a report was judged by; 0 if its digest is unknown."""
    return header.catalogue if isinstance(header.catalogue, int) else _VERSION_OF.get(header.catalogue, 0)


def versions_of(one: Header, other: Header) -> str:
    """Return the catalogue versions of two reports for a message, or an empty string if they are equal."""
    return f" ({one.catalogue} and {other.catalogue})" if one.catalogue != other.catalogue else ""


def left_out(there: Mapping[str, int], here: Mapping[str, int]) -> tuple[LeftOut, ...]:
    """List the requirements that `there` and `here` do not share, with the reason for each.

    Args:
        there: Revisions by id of the older or foreign catalogue.
        here: Revisions by id of the catalogue that it is compared with or rendered by.
    """
    found = [LeftOut(id, _reason(id, there, here)) for id in (*here, *(id for id in there if id not in here))]
    return tuple(one for one in found if one.reason)


def _reason(id: str, there: Mapping[str, int], here: Mapping[str, int]) -> str:
    if id not in there:
        return "newer than the other catalogue"
    if id not in here:
        return f"retired: {RETIRED[id]}" if id in RETIRED else "not in this catalogue"
    return "" if there[id] == here[id] else f"meaning changed: revision {there[id]} there, {here[id]} here"
