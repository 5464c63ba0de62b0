"""Render a report as JUnit XML: one suite per sparsifier, one test case per cell.

Many CI systems read nothing else, so every reason for an exit code other than 0 is a failure or an error here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from xml.etree import ElementTree

from ..errors import RED, SparsecheckError
from ..report.reasons import NOT_JUDGED, Reason, reasons
from ..report.report import Report
from ..values.cell import Cell
from ..values.record import Record, Subject, Verdict
from .defects import known_defects
from .escaping import one_line, printable
from .origin import code_of

_ELEMENTS = {
    Verdict.FAILED: "failure", Verdict.STALE: "failure", Verdict.ERROR: "error", Verdict.NOT_RUN: "error",
    Verdict.KNOWN: "skipped", Verdict.REFUSED: "skipped", Verdict.UNAVAILABLE: "skipped",
    Verdict.PROVISIONAL: "skipped",
}
_COUNTS = (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))


def junit(report: Report, found: Iterable[Reason] | None = None) -> bytes:
    """Return the document.

    Every reason is a failure or an error: of its cells, or of a test case of its own. Cells that fail as known, were
    refused or could not be run are skipped, with the reason.

    Args:
        report: The report.
        found: The reasons why the command does not exit with 0; those of the report itself by default.
    """
    found = tuple(reasons(report) if found is None else found)
    names = {subject.sparsifier for subject in report.header.subjects}
    suites = [_suite(report, subject, [one for one in found if one.sparsifier == subject.sparsifier])
              for subject in report.header.subjects]
    return _document(suites, [one for one in found if one.sparsifier not in names])


def junit_of_error(error: SparsecheckError) -> bytes:
    """Return the document of a command that ended with an error before there was anything to show."""
    return _document([], [Reason(error.exit_code, NOT_JUDGED, "", str(error))])


def _document(suites: Sequence[ElementTree.Element], others: Sequence[Reason]) -> bytes:
    """Return the document with these suites, and one more for reasons that concern none of them."""
    root = ElementTree.Element("testsuites", name="sparsecheck")
    root.extend(suites)
    if others:
        suite = ElementTree.SubElement(root, "testsuite", name="sparsecheck")
        for one in others:
            _reason(suite, one.sparsifier or "sparsecheck", one.kind, one)
        _count(suite)
    _count(root)
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def xml_text(text: str) -> str:
    """Return the text with characters escaped that XML cannot hold or a terminal would obey."""
    return printable(text)


def _suite(report: Report, subject: Subject, found: Sequence[Reason]) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=xml_text(subject.sparsifier))
    if report.header.started:
        suite.set("timestamp", xml_text(report.header.started))
    records = report.of(subject.sparsifier)
    _properties(suite, subject, records)
    by_cell = {cell: one for one in found for cell in one.cells}
    for record in records:
        _case(suite, record, by_cell.get(record.cell))
    recorded = {record.cell for record in records}
    for one in found:
        for cell in one.cells:
            if cell not in recorded:
                _reason(suite, subject.sparsifier, cell.partition(":")[2], one)
        if not one.cells:
            _reason(suite, subject.sparsifier, one.kind, one)
    suite.set("time", f"{sum(record.seconds for record in records):.4f}")
    _count(suite)
    return suite


def _properties(suite: ElementTree.Element, subject: Subject, records: Sequence[Record]) -> None:
    """Add properties for the environment, and one per known defect with its reason and its cells."""
    if subject.declaration is None or subject.environment is None:
        return
    declaration, environment = subject.declaration, subject.environment
    facts = {
        "package": declaration.package, "code": code_of(subject), "torch": environment.torch,
        "python": environment.python, "platform": environment.platform, "accelerator": environment.accelerator,
    }
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (*facts.items(), *_defects(records)):
        ElementTree.SubElement(properties, "property", name=xml_text(name), value=xml_text(value))


def _defects(records: Sequence[Record]) -> Iterator[tuple[str, str]]:
    for defect in known_defects(records):
        link = f" ({defect.first.link})" if defect.first.link else ""
        yield f"known defect: {one_line(defect.title)}", one_line(f"{defect.first.reason}{link}: {defect.breaks}", 2000)


def _case(suite: ElementTree.Element, record: Record, reason: Reason | None) -> None:
    """Add the test case of a record; it fails if and only if there is a reason for its cell."""
    cell = Cell.parse(record.cell)
    case = ElementTree.SubElement(
        suite, "testcase", name=xml_text(cell.axes), classname=xml_text(f"{cell.sparsifier}.{cell.requirement}"),
        time=f"{record.seconds:.4f}",
    )
    kind = record.signature.partition(": ")[0]
    if reason is not None and reason.kind != record.verdict.value:
        _outcome(case, _element(reason), reason.kind, f"{reason.kind}: {reason.sentence}", record.message)
    elif reason is None and record.verdict.is_red:
        _outcome(case, "skipped", kind, f"not a regression, {_why(record)}", record.message)
    elif record.verdict in _ELEMENTS:
        _outcome(case, _ELEMENTS[record.verdict], kind, _why(record), record.message)


def _reason(suite: ElementTree.Element, classname: str, name: str, reason: Reason) -> None:
    """Add a test case for a reason that no record shows."""
    case = ElementTree.SubElement(suite, "testcase", name=xml_text(name), classname=xml_text(classname))
    _outcome(case, _element(reason), reason.kind, f"{reason.kind}: {reason.sentence}", reason.sentence)


def _element(reason: Reason) -> str:
    return "failure" if reason.code == RED else "error"


def _outcome(case: ElementTree.Element, element: str, kind: str, why: str, message: str) -> None:
    child = ElementTree.SubElement(case, element, message=xml_text(one_line(why)))
    if element != "skipped":
        child.set("type", xml_text(kind))
    child.text = xml_text(message)


def _why(record: Record) -> str:
    """Return the verdict, the known defect and the reason, on a line."""
    by = f" by the {record.refused_by}" if record.refused_by else f", {record.defect}" if record.defect else ""
    why = record.message if record.verdict.is_red else record.reason or record.message
    link = f" ({record.link})" if record.link else ""
    return f"{record.verdict.value}{by}" + (f": {why}{link}" if why else link)


def _count(element: ElementTree.Element) -> None:
    """Set the numbers of test cases in the element, in total and of each kind."""
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    for name, child in _COUNTS:
        element.set(name, str(sum(case.find(child) is not None for case in cases)))
