"""Render a report as JUnit XML: one suite per sparsifier, one test case per cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from ..report.report import Report
from ..values.cell import Cell
from ..values.record import Record, Subject, Verdict
from .defects import known_defects
from .escaping import one_line

_NO_XML = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS = {
    Verdict.FAILED: "failure", Verdict.STALE: "failure", Verdict.ERROR: "error", Verdict.NOT_RUN: "error",
    Verdict.KNOWN: "skipped", Verdict.REFUSED: "skipped", Verdict.UNAVAILABLE: "skipped",
    Verdict.PROVISIONAL: "skipped",
}
_COUNTS = (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))


def junit(report: Report) -> bytes:
    """Return the document.

    Red cells are failures or errors. Cells that fail as known, were refused or could not be run are skipped, with the
    reason.
    """
    root = ElementTree.Element("testsuites", name="sparsecheck")
    for subject in report.header.subjects:
        root.append(_suite(report, subject))
    _count(root)
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def xml_text(text: str) -> str:
    """Return the text with characters escaped that XML cannot hold or a terminal would obey."""
    return _NO_XML.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _suite(report: Report, subject: Subject) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=xml_text(subject.sparsifier))
    if report.header.started:
        suite.set("timestamp", xml_text(report.header.started))
    records = report.of(subject.sparsifier)
    _properties(suite, subject, records)
    for record in records:
        _case(suite, record)
    if subject.problem:
        _broken(suite, subject, "could be judged", subject.problem)
    for cell in report.balance(subject).missing:
        _broken(suite, subject, cell.partition(":")[2], "planned, but never judged")
    suite.set("time", f"{sum(record.seconds for record in records):.4f}")
    _count(suite)
    return suite


def _properties(suite: ElementTree.Element, subject: Subject, records: Sequence[Record]) -> None:
    """Add properties for the environment, and one per known defect with its reason and its cells."""
    if subject.declaration is None or subject.environment is None:
        return
    declaration, environment = subject.declaration, subject.environment
    facts = {
        "package": f"{declaration.distribution} {declaration.version}", "torch": environment.torch,
        "python": environment.python, "platform": environment.platform, "accelerator": environment.accelerator,
    }
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (*facts.items(), *_defects(records)):
        ElementTree.SubElement(properties, "property", name=xml_text(name), value=xml_text(value))


def _defects(records: Sequence[Record]) -> Iterator[tuple[str, str]]:
    for defect in known_defects(records):
        link = f" ({defect.first.link})" if defect.first.link else ""
        yield f"known defect: {one_line(defect.title)}", one_line(f"{defect.first.reason}{link}: {defect.breaks}", 2000)


def _case(suite: ElementTree.Element, record: Record) -> None:
    cell = Cell.parse(record.cell)
    case = ElementTree.SubElement(
        suite, "testcase", name=xml_text(cell.axes), classname=xml_text(f"{cell.sparsifier}.{cell.requirement}"),
        time=f"{record.seconds:.4f}",
    )
    if record.verdict in _ELEMENTS:
        _outcome(case, _ELEMENTS[record.verdict], record.signature.partition(": ")[0], _why(record), record.message)


def _broken(suite: ElementTree.Element, subject: Subject, name: str, why: str) -> None:
    case = ElementTree.SubElement(suite, "testcase", name=xml_text(name), classname=xml_text(subject.sparsifier))
    _outcome(case, "error", "not judged", why, why)


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
