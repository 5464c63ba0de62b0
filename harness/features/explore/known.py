"""Find out which known defect of the expectation file explains an outcome."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from ...adapter.discovery import Found
from ...process.environment import here
from ...report.expectation import Expectation
from ...report.expectation_file import read_expectations
from .messages import Outcome

_AREA = "WALK"


def entries_about_programs(found: Found) -> tuple[Expectation, ...]:
    """Return the entries of an adapter's expectation file that hold here and name a program or the area of programs.

    Raises:
        InvalidExpectations: The file is not valid.
    """
    environment = here()
    return tuple(
        entry for entry in read_expectations(found.expectations, found.name)
        if entry.holds(found.declaration, environment) and any(_is_about_programs(one) for one in _places(entry))
    )


def _places(entry: Expectation) -> Iterable[str]:
    return entry.cells or entry.requirements


def _is_about_programs(place: str) -> bool:
    return place.rpartition(":")[2].startswith(_AREA)


def with_known(outcome: Outcome, entries: Iterable[Expectation]) -> Outcome:
    """Return an outcome with the id, or else the reason, of the first entry that explains it."""
    if not outcome.is_find:
        return outcome
    seen = f"{outcome.kind}: {outcome.message}"
    return replace(outcome, known=next((one.id or one.reason for one in entries if one.explains(seen)), ""))
