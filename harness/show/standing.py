"""The state of one requirement for one sparsifier, from its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from ..report.ledger import applies, cells
from ..values.record import Record, Subject, Verdict
from ..values.requirement import Requirement


class Standing(str, Enum):
    """The state of one requirement, or of one cell, for one sparsifier."""

    PASSED = "passed"
    PART = "passed in part"
    KNOWN = "known failure"
    FAILED = "failed"
    ERROR = "error"
    STALE = "stale expectation"
    NOT_RUN = "not run"
    PROVISIONAL = "provisional failure"
    BY_PACKAGE = "refused by the package"
    BY_ADAPTER = "refused by the adapter"
    UNAVAILABLE = "unavailable"
    NOT_OFFERED = "not offered"
    NOTHING_REFUSED = "nothing to refuse"
    NOT_IN_PROFILE = "not in its profile"
    NOT_IN_CONTRACT = "not in its contract"
    NOT_ASKED = "not asked for"
    NOT_THERE = "not judged there"
    NOT_JUDGED = "sparsifier not judged"

    @property
    def sign(self) -> str:
        """Return the character for this state, which is different for each."""
        return _SIGNS[self][0]

    @property
    def meaning(self) -> str:
        """Return the explanation in the legend."""
        return _SIGNS[self][1]

    def counted(self, count: int) -> str:
        """Return a number of requirements in words."""
        return f"{count} {self.value}" + ("s" if count != 1 and self in _PLURAL else "")

    @property
    def is_passed(self) -> bool:
        return self in (Standing.PASSED, Standing.PART)

    @property
    def is_judged(self) -> bool:
        """Return whether the requirement was seen to hold or to fail."""
        return self.is_passed or self in (
            Standing.KNOWN, Standing.FAILED, Standing.STALE, Standing.PROVISIONAL
        )

    @property
    def is_failure(self) -> bool:
        """Return whether this is a failure, known or not."""
        return self in _FAILURES


_SIGNS = {
    Standing.PASSED: ("✓", "every cell passed"),
    Standing.PART: ("◐", "every judged cell passed; others were refused or unavailable"),
    Standing.KNOWN: ("K", "fails, and a known defect explains it"),
    Standing.FAILED: ("✗", "fails, and no known defect explains it"),
    Standing.ERROR: ("!", "could not be judged: the case crashed or hung"),
    Standing.STALE: ("S", "was expected to fail, but does not"),
    Standing.PROVISIONAL: ("p", "fails, but is newer than the catalogue version of the adapter"),
    Standing.NOT_RUN: ("N", "not run, because the adapter fails a smoke check"),
    Standing.BY_PACKAGE: ("P", "declared unsupported and refused by the package"),
    Standing.BY_ADAPTER: ("A", "declared unsupported and refused only by the adapter"),
    Standing.UNAVAILABLE: ("U", "this machine cannot run it"),
    Standing.NOT_OFFERED: ("○", "needs a capability that the sparsifier declares unsupported"),
    Standing.NOTHING_REFUSED: ("·", "judges the refusal of capabilities that the sparsifier supports"),
    Standing.NOT_IN_PROFILE: ("-", "applies to sparsifiers of another profile"),
    Standing.NOT_IN_CONTRACT: ("~", "does not apply under the sparsifier's contract"),
    Standing.NOT_ASKED: ("?", "not in the selection of this run"),
    Standing.NOT_THERE: ("n", "introduced or revised after the report was made"),
    Standing.NOT_JUDGED: ("□", "the sparsifier could not be judged at all"),
}

_FAILURES = (Standing.KNOWN, Standing.PROVISIONAL, *(Standing(verdict.value) for verdict in Verdict if verdict.is_red))
_PLURAL = (Standing.KNOWN, Standing.PROVISIONAL, Standing.ERROR, Standing.STALE)
_WORST_FIRST = (Verdict.FAILED, Verdict.ERROR, Verdict.STALE, Verdict.NOT_RUN, Verdict.KNOWN, Verdict.PROVISIONAL)


def standing(
    requirement: Requirement, subject: Subject, records: Sequence[Record], judged_by: Mapping[str, int]
) -> Standing:
    """Return the state of a requirement for one sparsifier.

    Args:
        requirement: The requirement.
        subject: The sparsifier.
        records: Its records of that requirement.
        judged_by: The revisions of the requirements that its report was judged by.
    """
    if records:
        return _of_cells(records)
    if subject.problem or subject.declaration is None:
        return Standing.NOT_JUDGED
    if requirement.id not in judged_by:
        return Standing.NOT_THERE
    if subject.declaration.profile not in requirement.profiles:
        return Standing.NOT_IN_PROFILE
    if not applies(requirement, subject.declaration):
        return Standing.NOTHING_REFUSED if requirement.refuses else Standing.NOT_IN_CONTRACT
    if subject.environment is None or any(cells(requirement, subject.declaration, subject.environment)):
        return Standing.NOT_ASKED
    return Standing.NOTHING_REFUSED if requirement.refuses else Standing.NOT_OFFERED


def of_cell(record: Record) -> Standing:
    """Return the state of one cell."""
    if record.verdict is Verdict.REFUSED:
        return Standing.BY_PACKAGE if record.refused_by == "package" else Standing.BY_ADAPTER
    return Standing(record.verdict.value)


def _of_cells(records: Sequence[Record]) -> Standing:
    """Return the state of the worst cell; of refusals, the one by the adapter."""
    verdicts = [record.verdict for record in records]
    if bad := [verdict for verdict in _WORST_FIRST if verdict in verdicts]:
        return Standing(bad[0].value)
    if Verdict.PASSED in verdicts:
        return Standing.PASSED if set(verdicts) == {Verdict.PASSED} else Standing.PART
    refused = {of_cell(record) for record in records if record.verdict is Verdict.REFUSED}
    return Standing.BY_ADAPTER if Standing.BY_ADAPTER in refused else refused.pop() if refused else Standing.UNAVAILABLE
