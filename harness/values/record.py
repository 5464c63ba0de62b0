"""The lines of a report: a header, a record per cell, and a mandatory footer."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from .declaration import Declaration, Environment
from .expected import Expected
from .origin import Fingerprint, Origin
from .selection import Selection

FORMAT = 2
"""The report format that is written.

Format 1, which is still read, identified the catalogue by a digest that included prose, and had no revisions.
"""

Result = Literal["green", "red", "selection", "unavailable", "success", "partial", "failure"]
"""The result in one word. Older reports have `success` or `partial` for `green`, and `failure` for `red`."""

Conformance = Literal["conformant", "conformant with known defects", "not conformant", "incomplete"]
"""How a sparsifier stands at one level. `incomplete`: nothing is red, but only a part was judged."""


class Verdict(str, Enum):
    """The verdict of one cell.

    NOT_RUN: The adapter fails a smoke check, so no other case was run.
    PROVISIONAL: A failure of a requirement that is newer than the adapter's catalogue version, or of level
        `provisional`. It is shown and is never red.
    """

    PASSED = "passed"
    FAILED = "failed"
    KNOWN = "known failure"
    STALE = "stale expectation"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    ERROR = "error"
    NOT_RUN = "not run"
    PROVISIONAL = "provisional failure"

    @property
    def is_red(self) -> bool:
        return self in (Verdict.FAILED, Verdict.STALE, Verdict.ERROR, Verdict.NOT_RUN)


Part = Annotated[float, Meta(ge=0, le=1)]


class Accuracy(Struct, frozen=True, omit_defaults=True):
    """The part of held-out answers that a network gets right, from 0 to 1; it is shown, and no verdict depends on it.

    Attributes:
        dense: Of the trained dense network.
        sparse: Of the sparse one at the end of its training.
        resumed: Of the one that was resumed in a fresh interpreter, at the end of its training.
    """

    dense: Part
    sparse: Part
    resumed: Part | None = None


class Record(Struct, frozen=True, tag_field="kind", tag="cell", omit_defaults=True):
    """The verdict of one cell.

    Attributes:
        cell: The id of the cell.
        verdict: The verdict.
        signature: For a failure, the kind of mismatch or `ExceptionType: message`.
        message: The difference, where and by how much; it stands alone.
        refused_by: For a refusal, whether the package or only its adapter raised.
        reason: The reason of the expectation that explains the failure, or why the cell was unavailable.
        link: The link of that expectation.
        seconds: The wall time of the case.
        defect: The id of the known defect that explains the failure, or that was expected and is not there.
        comparisons: How many comparisons a case made that passed or was refused; 0 in older reports.
        parameters: How many planned parameters it compared; a few cases compare something else, such as outputs.
        covers: For a program, how many pairs of values it covers that no earlier program of the corpus does.
        coverable: For a program, how many pairs are possible with what the sparsifier offers.
        accuracy: For a network that was trained on real data and passed, its accuracy.
    """

    cell: str
    verdict: Verdict
    signature: str = ""
    message: str = ""
    refused_by: Literal["", "package", "adapter"] = ""
    reason: str = ""
    link: str = ""
    seconds: float = 0.0
    defect: str = ""
    comparisons: int = 0
    parameters: int = 0
    covers: int = 0
    coverable: int = 0
    accuracy: Accuracy | None = None


class Share(Struct, frozen=True):
    """The part of a sparsifier's ledger that one shard judges.

    Attributes:
        ledger: A digest of all cells, and of the shard that each belongs to.
        places: The positions of this shard's cells in the ledger.
    """

    ledger: str
    places: tuple[int, ...]


class Subject(Struct, frozen=True):
    """The ledger of one sparsifier.

    Attributes:
        sparsifier: The name of the sparsifier.
        declaration: Its declaration; None if it could not be judged at all.
        environment: The environment in which it was judged.
        problem: The reason why it could not be judged at all, or an empty string; nothing is then planned.
        planned: The ids of all cells, enumerated before the run.
        adapter: The adapter file, if it was given as a file instead of being registered.
        share: In a shard, the part of the ledger that `planned` is.
        origin: The place its code was imported from; None in an older report, or if it could not be judged.
        expected: The known defects that were expected here; none in an older report.
        fingerprint: The digests of the code that was judged, likewise.
    """

    sparsifier: str
    declaration: Declaration | None = None
    environment: Environment | None = None
    problem: str = ""
    planned: tuple[str, ...] = ()
    adapter: str = ""
    share: Share | None = None
    origin: Origin | None = None
    expected: tuple[Expected, ...] = ()
    fingerprint: Fingerprint | None = None

    def shares_origin(self, other: Subject) -> bool:
        """Return whether both judged an installed release, or neither did; true if one is unknown."""
        if self.origin is None or other.origin is None:
            return True
        return bool(self.origin.deviation) == bool(other.origin.deviation)

    def code_changes(self, other: Subject, pair: str) -> str:
        """Describe the difference between the fingerprints of both; return an empty string if they are equal.

        Args:
            other: The subject to compare with.
            pair: The format of two digests.
        """
        if self.fingerprint == other.fingerprint:
            return ""
        if self.fingerprint is None or other.fingerprint is None:
            return "only one of both states which code it judged"
        distribution = self.origin.distribution if self.origin else ""
        return ", ".join(self.fingerprint.changes(other.fingerprint, distribution, pair))

    @property
    def is_inapplicable(self) -> bool:
        """Return whether the sparsifier could be judged, but the selection of the run has none of its cells."""
        return not (self.problem or self.planned or self.share)


class Header(Struct, frozen=True, tag_field="kind", tag="header"):
    """The first line of a report.

    Attributes:
        catalogue: The version of the catalogue; in a report of format 1, a digest of it.
        started: The start of the run, UTC, ISO 8601.
        subjects: The ledger of every sparsifier.
        selection: The selectors of the run.
        format: The format of the report.
        sparsecheck: The version of sparsecheck.
        shard: `k/n` if the run was one shard.
        requirements: The revision of every requirement of that catalogue, by id. Empty in a report of format 1.
        code: The digest of the code of sparsecheck itself; empty in an older report.
    """

    catalogue: int | str
    started: str
    subjects: tuple[Subject, ...]
    selection: Selection = Selection()
    format: int = FORMAT
    sparsecheck: str = ""
    shard: str = ""
    requirements: dict[str, int] = {}
    code: str = ""


class LevelOutcome(Struct, frozen=True):
    """The result of one sparsifier at one level, core or extended.

    Attributes:
        conformance: The result in words.
        defects: How many known defects break a requirement of this level.
        judged: How many requirements were seen to hold or to fail, on at least one cell.
        applicable: How many requirements of this level apply to the sparsifier's profile and contract.
    """

    conformance: Conformance
    defects: int
    judged: int
    applicable: int


class Outcome(Struct, frozen=True, omit_defaults=True):
    """The result of one sparsifier.

    Attributes:
        sparsifier: Its name.
        result: One word, for exit codes.
        counts: The number of cells per verdict.
        planned: The number of planned cells.
        balanced: Whether every planned cell has exactly one record.
        core: The result at level core; None in older reports, and if the sparsifier could not be judged at all.
        extended: The result at level extended, likewise.
    """

    sparsifier: str
    result: Result
    counts: dict[str, int]
    planned: int
    balanced: bool
    core: LevelOutcome | None = None
    extended: LevelOutcome | None = None


class Footer(Struct, frozen=True, tag_field="kind", tag="footer"):
    """The last line of a report, without which nothing in the report counts."""

    outcomes: tuple[Outcome, ...]
    interrupted: str = ""


Line = Header | Record | Footer
