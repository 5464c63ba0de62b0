"""Reports as values: read, check, restrict and write them."""

from __future__ import annotations

import gzip
import io
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from .. import files, reading
from ..catalogue import CATALOGUE, revisions
from ..errors import INCOMPLETE, SparsecheckError
from ..suggestions import quoted
from ..values.cell import Cell, InvalidCell
from ..values.record import Footer, Header, Line, Outcome, Record, Subject
from ..values.requirement import Level
from .consistency import footer_difference, inconsistency, record_inconsistency
from .identity import contradiction, judged_by
from .ledger import Balance, applies, reconcile
from .lines import decode, encode
from .outcome import is_same, outcome

READABLE = (1, 2)
"""The report formats that can be read. The last one is also the one that is written."""

PACKED = ".gz"
"""The suffix of reports that are compressed by gzip."""


class InvalidReport(SparsecheckError):
    """Raised if a file is not a complete report, or not one that can be used here; the message names file and line."""


class MissingReport(InvalidReport):
    """Raised if there is no such file."""


class UnreadableReport(InvalidReport):
    """Raised if the file, or the folder in its place, cannot be read."""


class EmptyReport(InvalidReport):
    """Raised if a report has no line, or is about no sparsifier."""


class InvalidLine(InvalidReport):
    """Raised if a line is not a header, record or footer, or is in the wrong place."""


class TruncatedReport(InvalidReport):
    """Raised if the footer is missing: the run was cut short, and nothing in the report counts."""

    exit_code = INCOMPLETE


class DamagedReport(InvalidReport):
    """Raised if a file with the suffix of gzip cannot be decompressed."""


class ReportMismatch(InvalidReport):
    """Raised if reports cannot be combined: catalogues or selections differ, or two are about one sparsifier."""


class UnmergedShard(InvalidReport):
    """Raised if a report covers one shard of a run, but the whole run is needed."""


class ProbeReport(InvalidReport):
    """Raised if the report of a probe, which has no verdicts, is used as a report of verdicts."""


class ContradictoryReport(InvalidReport):
    """Raised if a report contradicts itself, or the catalogue as far as both share requirements."""


class FooterDisagrees(InvalidReport):
    """Raised if the footer contradicts the records above it."""

    exit_code = INCOMPLETE


class InterruptedReport(InvalidReport):
    """Raised if the run of a report was interrupted."""

    exit_code = INCOMPLETE


class UnbalancedReport(InvalidReport):
    """Raised if a planned cell was never judged, or was judged twice."""

    exit_code = INCOMPLETE


@dataclass(frozen=True)
class Report:
    """The header, the records and, if the run has ended, the footer."""

    header: Header
    records: tuple[Record, ...]
    footer: Footer | None

    def of(self, sparsifier: str) -> tuple[Record, ...]:
        """Return the records of one sparsifier."""
        return self._by_sparsifier.get(sparsifier, ())

    def balance(self, subject: Subject) -> Balance:
        """Return the difference between the planned cells and the records of one subject."""
        return reconcile(subject.planned, self.of(subject.sparsifier))

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return the outcome of every sparsifier, computed from the records instead of read from the footer."""
        return self._outcomes

    @cached_property
    def _by_sparsifier(self) -> dict[str, tuple[Record, ...]]:
        found: dict[str, list[Record]] = {}
        for record in self.records:
            found.setdefault(record.cell.partition(":")[0], []).append(record)
        return {name: tuple(records) for name, records in found.items()}

    @cached_property
    def _outcomes(self) -> tuple[Outcome, ...]:
        return tuple(self._outcome(one) for one in self.header.subjects)

    def _outcome(self, subject: Subject) -> Outcome:
        selected, is_shard = bool(self.header.selection) and not subject.problem, subject.share is not None
        name, levels = subject.sparsifier, levels_of(subject, self.requirements)
        return outcome(name, subject.planned, self.of(name), levels, selected, is_shard)

    @property
    def agrees(self) -> bool:
        """Return whether the footer agrees with the records.

        Results depend on the levels of requirements. They are compared only if the report was judged by exactly the
        requirements of this catalogue.
        """
        if self.footer is None:
            return False
        stated, computed = self.footer.outcomes, self.outcomes()
        if not self.is_current:
            return _without_result(stated) == _without_result(computed)
        return len(stated) == len(computed) and all(map(is_same, stated, computed))

    @cached_property
    def requirements(self) -> Mapping[str, int]:
        """Return the revision of every requirement that the report was judged by, by id."""
        return judged_by(self.header)

    @property
    def is_current(self) -> bool:
        """Return whether the report was judged by exactly the requirements of this catalogue."""
        return self.requirements == revisions()

    def restricted(self, requirements: Mapping[str, int]) -> Report:
        """Return the part of a whole report on the requirements that `requirements` has at the same revision."""
        shared = {id: revision for id, revision in self.requirements.items() if requirements.get(id) == revision}
        planned = {Cell.parse(cell).requirement for one in self.header.subjects for cell in one.planned}
        if len(shared) == len(self.requirements) and planned <= set(shared):
            return self
        subjects = tuple(
            replace(one, planned=tuple(cell for cell in one.planned if Cell.parse(cell).requirement in shared))
            for one in self.header.subjects
        )
        records = tuple(one for one in self.records if Cell.parse(one.cell).requirement in shared)
        part = Report(replace(self.header, subjects=subjects, requirements=shared), records, None)
        footer = Footer(part.outcomes(), self.footer.interrupted) if self.footer else None
        return Report(part.header, records, footer)


def levels_of(subject: Subject, requirements: Collection[str]) -> dict[str, Level]:
    """Return the level of each requirement that applies to a subject, by id; none if it could not be judged.

    Requirements that are newer than the catalogue version of the adapter are provisional.

    Args:
        subject: The subject.
        requirements: The ids of the requirements that the report was judged by; others are left out.
    """
    declaration = subject.declaration
    if declaration is None:
        return {}
    applicable = [one for one in CATALOGUE if one.id in requirements and applies(one, declaration)]
    return {one.id: "provisional" if one.since > declaration.catalogue else one.level for one in applicable}


def _without_result(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [replace(one, result="green", core=None, extended=None) for one in outcomes]


def read(path: Path) -> Report:
    """Read a report; decompress it if its name ends in `.gz`.

    Its run may have been interrupted, and it may cover one shard; `read_whole` rejects both.

    Raises:
        InvalidReport: The file is not a report or is incomplete. The subclass says why.
    """
    report = read_partial(path)
    if report.footer is None:
        raise TruncatedReport(f"{path} has no footer: it was cut short after {len(report.records)} records", _RERUN)
    if not report.agrees:
        problem = f"{path}: the footer contradicts the {len(report.records)} records above it"
        raise FooterDisagrees(f"{problem}: {footer_difference(report)}", _RERUN)
    if problem := inconsistency(report):
        raise ContradictoryReport(f"{path} contradicts itself or the catalogue: {problem}", _RERUN)
    return report


_RERUN = "Run it again."


def read_whole(path: Path) -> Report:
    """Read a report that must contain the verdicts of a whole run.

    Raises:
        InvalidReport: It does not, as for `read` and `check_whole`.
    """
    report = read(path)
    check_whole(report, str(path))
    return report


def check_whole(report: Report, what: str) -> None:
    """Check that a report contains the verdicts of a whole run. Messages call it `what`.

    Raises:
        ProbeReport: It is a probe of undeclared capabilities.
        UnmergedShard: It covers one shard.
        InterruptedReport: Its run was interrupted.
        UnbalancedReport: A planned cell has no record, or two.
    """
    if report.header.selection.probe:
        raise ProbeReport(
            f"{what} is a probe of undeclared capabilities and has no verdicts", "Declare them, and run it again."
        )
    _check_merged(report, what)
    if report.footer is None or report.footer.interrupted:
        why = report.footer.interrupted if report.footer else "it has no footer"
        raise InterruptedReport(f"{what} is the report of a run that was interrupted ({why})", _RERUN)
    for subject in report.header.subjects:
        if not (balance := report.balance(subject)):
            problem = f"{what}: the plan and the records of {subject.sparsifier} differ: {balance}"
            raise UnbalancedReport(problem, _RERUN)


def read_partial(path: Path) -> Report:
    """Read a report that may be truncated at any byte.

    Raises:
        InvalidReport: The header is missing, or a line before the end is invalid.
    """
    whole = [_line(text, path, number) for number, text in enumerate(_lines(path), 1)]
    header, records, footer = _header(whole[0], path), whole[1:], None
    if records and isinstance(records[-1], Footer):
        footer = records.pop()
    names = {subject.sparsifier for subject in header.subjects}
    checked = tuple(_record(line, names, f"{path}:{number}") for number, line in enumerate(records, 2))
    return Report(header, checked, footer)  # type: ignore[arg-type,unused-ignore]


def salvage(path: Path) -> Report:
    """Read the header and every valid record; skip all other lines, and the footer.

    Raises:
        InvalidReport: The header is missing.
    """
    first, *others = _lines(path)
    header = _header(_line(first, path, 1), path)
    names = {subject.sparsifier for subject in header.subjects}
    records = list[Record]()
    for number, text in enumerate(others, 2):
        with suppress(InvalidLine):
            records.append(_record(_line(text, path, number), names, f"{path}:{number}"))
    return Report(header, tuple(records), None)


def _lines(path: Path) -> list[bytes]:
    """Return the complete lines, at least one."""
    lines = _content(path).split(b"\n")[:-1]
    if not lines:
        raise EmptyReport(f"{path} has no header: it is not a report, or was cut short before its first line ended")
    return lines


def _content(path: Path) -> bytes:
    try:
        data = reading.read_bytes(path)
    except reading.NoSuchFile:
        raise MissingReport(f"there is no report {path}", "`sparsecheck run --report FILE` writes one.") from None
    except reading.CannotRead as error:
        raise UnreadableReport(f"{path} cannot be read ({error})") from None
    if path.suffix != PACKED:
        return data
    try:
        return reading.unpack(data)
    except reading.CutShort:
        raise TruncatedReport(f"{path} ends in the middle of its gzip data", _COPY) from None
    except reading.TooLarge as error:
        raise UnreadableReport(f"{path} cannot be read ({error})") from None
    except reading.Malformed as error:
        raise DamagedReport(f"{path} is not valid gzip data ({error})", _COPY) from None


_COPY = "Copy it again, or run it again."


def _compress(data: bytes) -> bytes:
    """Compress without time and name, so that equal data give equal bytes."""
    target = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, target, mtime=0) as file:
        file.write(data)
    return target.getvalue()


_LONGEST_NAME = 700
"""The longest name of a sparsifier, in characters; an impossible one is quoted, which makes it longer."""


def _header(header: Line, path: Path) -> Header:
    if not isinstance(header, Header):
        raise InvalidLine(f"{path}:1: a report begins with its header")
    if header.format not in READABLE:
        formats = " and ".join(map(str, READABLE))
        raise InvalidLine(f"{path}:1: report format {header.format}; this sparsecheck reads formats {formats}")
    for subject in header.subjects:
        if not subject.sparsifier.isprintable() or len(subject.sparsifier) > _LONGEST_NAME:
            raise InvalidLine(f"{path}:1: {quoted(subject.sparsifier)} is not the name of a sparsifier")
        if not subject.problem and (subject.declaration is None or subject.environment is None):
            raise InvalidLine(f"{path}:1: {subject.sparsifier} has neither a declaration nor a problem")
    if problem := contradiction(header):
        raise InvalidLine(f"{path}:1: {problem}", _RERUN)
    return header


def _record(line: Line, names: set[str], where: str) -> Record:
    if not isinstance(line, Record):
        raise InvalidLine(f"{where}: a header or footer among the records")
    try:
        name = Cell.parse(line.cell).sparsifier
    except InvalidCell as error:
        raise InvalidLine(f"{where}: {error}") from None
    if name not in names:
        raise InvalidLine(f"{where}: a record of {name!r}, which the header does not name")
    if problem := record_inconsistency(line):
        raise InvalidLine(f"{where}: {problem}")
    return line


def _line(text: bytes, path: Path, number: int) -> Line:
    try:
        return decode(text)
    except reading.Malformed as error:
        raise InvalidLine(f"{path}:{number}: {error}") from None


def _check_merged(report: Report, what: str) -> None:
    if shard := report.header.shard:
        raise UnmergedShard(
            f"{what} covers only shard {shard} of its run", "Merge all shards with `sparsecheck merge`."
        )


def write(report: Report, path: Path) -> None:
    """Write a report; compress it if `path` ends in `.gz`.

    Raises:
        CannotWrite: The file cannot be written; an earlier file is left unchanged.
    """
    lines: Iterable[Line] = (report.header, *report.records, *((report.footer,) if report.footer else ()))
    data = b"".join(map(encode, lines))
    files.write(path, _compress(data) if path.suffix == PACKED else data)
