"""What a run writes: a header, a record a cell, a mandatory footer."""

from __future__ import annotations

from enum import Enum
from typing import Literal

from msgspec import Struct

from .declaration import Declaration, Environment
from .selection import Selection

FORMAT = 2
"""The report format that is written. Format 1, which is still read, identified the catalogue by a digest, prose
included, and had no revisions of requirements."""

Result = Literal["success", "partial", "failure", "selection", "unavailable"]


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


class Record(Struct, frozen=True, tag_field="kind", tag="cell", omit_defaults=True):
    """The verdict of one cell.

    signature: for a failure, the kind of mismatch or `ExceptionType: message`.
    message: what differs, where, by how much; stands alone.
    refused_by: for a refusal, who raised: the package, or only its adapter.
    reason, link: of the expectation that knew of it, or why it was unavailable.
    seconds: wall time of the case.
    """

    cell: str
    verdict: Verdict
    signature: str = ""
    message: str = ""
    refused_by: Literal["", "package", "adapter"] = ""
    reason: str = ""
    link: str = ""
    seconds: float = 0.0


class Share(Struct, frozen=True):
    """What one shard has of a sparsifier's whole ledger.

    ledger: digest of all its cells and of which shard has which. places: where those of this shard stand in it.
    """

    ledger: str
    places: tuple[int, ...]


class Origin(Struct, frozen=True, omit_defaults=True):
    """Where the judged code was imported from.

    Attributes:
        distribution: The name that the adapter states.
        version: Its installed version; empty if it is not installed.
        file: The file of its outermost module; empty if there is none.
        deviation: Why `file` is not that of an installed release: `not installed`, `editable install` or `checkout`;
            empty if it is.
    """

    distribution: str
    version: str = ""
    file: str = ""
    deviation: str = ""


class Subject(Struct, frozen=True):
    """One sparsifier's part of the ledger.

    problem: why it could not be judged at all; then declaration is None and nothing is planned.
    planned: the ids of all cells drawn up before the run.
    adapter: the file it was loaded from, if it was given as one and not registered.
    share: in a shard, which part of the ledger `planned` is.
    origin: where its code was imported from; None in an older report, or if it could not be judged.
    """

    sparsifier: str
    declaration: Declaration | None = None
    environment: Environment | None = None
    problem: str = ""
    planned: tuple[str, ...] = ()
    adapter: str = ""
    share: Share | None = None
    origin: Origin | None = None

    @property
    def is_inapplicable(self) -> bool:
        """Whether the sparsifier could be judged, but the selection of the run has none of its cells."""
        return not (self.problem or self.planned or self.share)


class Header(Struct, frozen=True, tag_field="kind", tag="header"):
    """The first line of a report.

    Attributes:
        catalogue: The version of the catalogue; in a report of format 1, a digest of it.
        started: UTC, ISO 8601.
        shard: `k/n` if the run was one shard.
        requirements: The revision of every requirement of that catalogue, by id. Empty in a report of format 1.
    """

    catalogue: int | str
    started: str
    subjects: tuple[Subject, ...]
    selection: Selection = Selection()
    format: int = FORMAT
    sparsecheck: str = ""
    shard: str = ""
    requirements: dict[str, int] = {}


class Outcome(Struct, frozen=True):
    """One sparsifier's sum. balanced: every planned cell has exactly one record."""

    sparsifier: str
    result: Result
    counts: dict[str, int]
    planned: int
    balanced: bool


class Footer(Struct, frozen=True, tag_field="kind", tag="footer"):
    """The last line of a report; without it nothing in the report counts."""

    outcomes: tuple[Outcome, ...]
    interrupted: str = ""


Line = Header | Record | Footer
