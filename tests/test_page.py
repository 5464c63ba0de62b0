"""The results page: its counts, its safety against hostile text, and when it is not written."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace as replaced
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from sparsecheck.catalogue import CATALOGUE, revisions
from sparsecheck.cli import main
from sparsecheck.features.page.html import as_data, render_html
from sparsecheck.features.page.markdown import render_markdown
from sparsecheck.report.joining import join
from sparsecheck.report.lines import encode
from sparsecheck.report.report import EmptyReport, InterruptedReport, Report, ReportMismatch
from sparsecheck.show.markdown import code, plain
from sparsecheck.show.results import ResultsTable, Square, followable, shown, tabulate
from sparsecheck.show.standing import Standing
from sparsecheck.values.record import Record, Verdict
from sparsecheck.values.selection import Selection
from tests.installed import sparsecheck_without
from tests.samples import cell, declaration, passed, report

TOTAL = len(CATALOGUE)
HOSTILE = "<img src=x onerror=alert(1)>|`x` </script><!-- \u2028 & \x1b[2J # [a](javascript:b)"


def record(id: str, verdict: Verdict, layer: str = "linear", **fields: str) -> Record:
    return Record(cell(id, layer), verdict, **fields)  # type: ignore[arg-type]


def refused(id: str, by: str, layer: str = "linear") -> Record:
    return record(id, Verdict.REFUSED, layer, refused_by=by)


EACH = (
    record("MASK-01", Verdict.PASSED),
    record("MASK-02", Verdict.PASSED), record("MASK-02", Verdict.UNAVAILABLE, "conv2d", reason="no cuda device here"),
    record("MASK-03", Verdict.KNOWN, message="seen 3", reason="It was so.", link="https://x.y/1"),
    record("MASK-03", Verdict.PASSED, "conv2d"),
    record("MASK-04", Verdict.FAILED, message="expected 4, seen 5"),
    record("MASK-05", Verdict.ERROR, message="hung"),
    record("MASK-06", Verdict.STALE, message="expected to fail"),
    record("MASK-07", Verdict.NOT_RUN, message="smoke"),
    refused("MASK-08", "package"),
    refused("MASK-09", "adapter"),
    record("MASK-10", Verdict.UNAVAILABLE, reason="no cuda device here"),
)


def one(*records: Record) -> ResultsTable:
    return tabulate([report(records)])


def square(of: ResultsTable, id: str = "MASK-01") -> Square:
    [found] = [square for square in of.columns[0].squares if square.requirement.id == id]
    return found


def declared(of: Report, **fields: object) -> Report:
    """With another declaration, or other fields of its one subject."""
    subjects = tuple(replace(subject, **fields) for subject in of.header.subjects)
    return replaced(of, header=replace(of.header, subjects=subjects))


def test_every_verdict_has_a_standing_of_its_own() -> None:
    stands = [square(one(*EACH), f"MASK-{number:02}").standing for number in range(1, 11)]
    assert stands == [one for one in Standing if one is not Standing.PROVISIONAL][:10]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([record("MASK-01", Verdict.PASSED), record("MASK-01", Verdict.FAILED, "conv2d")], Standing.FAILED),
        ([record("MASK-01", Verdict.KNOWN), record("MASK-01", Verdict.ERROR, "conv2d")], Standing.ERROR),
        ([record("MASK-01", Verdict.PASSED), refused("MASK-01", "package", "conv2d")], Standing.PART),
        ([refused("MASK-01", "package"), refused("MASK-01", "adapter", "conv2d")], Standing.BY_ADAPTER),
        ([refused("MASK-01", "")], Standing.BY_ADAPTER),
        ([refused("MASK-01", "package"), record("MASK-01", Verdict.UNAVAILABLE, "conv2d")], Standing.BY_PACKAGE),
    ],
)
def test_a_square_has_the_standing_of_its_worst_cell(records: list[Record], expected: Standing) -> None:
    assert square(one(*records)).standing is expected


@pytest.mark.parametrize(
    ("of", "id", "expected"),
    [
        (declared(report(passed(cell())), declaration=declaration(profile="structural")), "MASK-02", "NOT_IN_PROFILE"),
        (declared(report(passed(cell())), declaration=declaration(score="random")), "MASK-06", "NOT_IN_CONTRACT"),
        (declared(report(passed(cell())), declaration=declaration("band")), "MASK-13", "NOT_OFFERED"),
        (declared(report(passed(cell())), declaration=declaration("band")), "REFUSE-01", "NOT_ASKED"),
        (report(passed(cell())), "REFUSE-01", "NOTHING_REFUSED"),
        (report(passed(cell()), selection=Selection(areas=("MASK",))), "REG-01", "NOT_ASKED"),
        (report(problem="it does not import"), "MASK-01", "NOT_JUDGED"),
        (declared(report(), problem="half an adapter"), "MASK-01", "NOT_JUDGED"),
    ],
)
def test_an_unplanned_requirement_has_a_reason(of: Report, id: str, expected: str) -> None:
    assert square(tabulate([of]), id).standing.name == expected


def test_counts_add_up_to_the_catalogue() -> None:
    [column] = one(*EACH).columns
    assert sum(column.counts.values()) == len(column.squares) == TOTAL
    outside = (
        Standing.NOT_ASKED, Standing.NOTHING_REFUSED, Standing.NOT_IN_CONTRACT, Standing.NOT_IN_PROFILE,
        Standing.NOT_OFFERED,
    )
    assert sum(column.counts[standing] for standing in outside) == TOTAL - 10
    assert (column.judged, column.passed, len(column.unexpected), len(column.defects)) == (5, 2, 4, 1)
    assert column.judged == sum(count for standing, count in column.counts.items() if standing.is_judged)


def test_signs_names_and_colours_differ() -> None:
    css = re.search(r"<style>(.*?)</style>", render_html(one(*EACH)), re.DOTALL)
    assert css is not None
    assert len({standing.sign for standing in Standing}) == len(Standing)
    for standing in Standing:
        assert f".s-{standing.name.lower()}" in css[1]
        assert f".f-{standing.name.lower()} " in css[1] or f".f-{standing.name.lower()}, " in css[1]
    inked = re.findall(r"--([\w-]+)-ink: (#\w+)", css[1])
    light, dark = inked[: len(inked) // 2], inked[len(inked) // 2 :]
    assert [name for name, _ in light] == [name for name, _ in dark]
    for name, _ in light:
        assert len(re.findall(rf"--{name}: #", css[1])) == 2


class Read(HTMLParser):
    """What a parser makes of the page: each start of an element, and the text in them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        else:
            self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_every_square_has_a_verdict_and_a_share() -> None:
    page = Read(render_html(join_of(report(EACH), report(passed(cell(name="other")), name="other"))))
    squares = [button for button in page.of("button") if "data-c" in button]
    assert len(squares) == 2 * TOTAL
    titles = [button["title"] for button in squares]
    assert "it, MASK-02: passed in part (1 of 2 cells judged)" in titles
    assert "other, MASK-01: passed (1 of 1 cell judged)" in titles
    assert "other, MASK-02: not asked for" in titles
    assert f"judged on 5 of {TOTAL} requirements; 2 passed" in page.text


def join_of(*reports: Report) -> ResultsTable:
    return tabulate(reports)


def test_the_data_contains_every_cell_of_a_square() -> None:
    page = Read(render_html(one(*EACH)))
    data = json.loads(page.scripts[0])
    row = [id for id, _, _ in data["requirements"]].index("MASK-03")
    known, ok = data["squares"][0][row]
    assert [data["texts"][place] for place in known[2:]] == ["seen 3", "It was so.", "https://x.y/1"]
    assert known[1] == "--cell it:MASK-03/linear/given/float32/cpu"
    assert [data["standings"][one[0]][0] for one in (known, ok)] == ["known failure", "passed"]
    assert data["standings"][data["stands"][0][row]][0] == "known failure"


def test_failures_can_be_read_without_the_script() -> None:
    page = Read(render_html(one(*EACH)))
    for said in ("expected 4, seen 5", "It was so.", "sparsecheck run --cell it:MASK-03/linear/given/float32/cpu"):
        assert said in page.text
    assert "https://x.y/1" in [anchor["href"] for anchor in page.of("a")]


def test_the_page_loads_nothing_from_other_sites() -> None:
    page = Read(render_html(one(*passed(cell()))))
    assert not [tag for tag, has in page.elements if {"src", "srcset", "data", "style", "onclick"} & has.keys()]
    assert not page.of("link")
    assert all(str(anchor["href"]).startswith("#") for anchor in page.of("a"))
    assert "url(" not in render_html(one())
    assert "@import" not in render_html(one())


def hostile() -> ResultsTable:
    """Everything that a report says is hostile."""
    name = HOSTILE.replace(":", ";")
    records = [Record(f"{name}:MASK-01/a/b/c/d", Verdict.KNOWN, "a", HOSTILE, "", HOSTILE, "javascript:a")]
    of = declared(report(records, name=name), declaration=declaration(name=name, version=HOSTILE))
    return tabulate([of, report(problem=HOSTILE, name="other")])


def test_hostile_text_is_escaped_in_html() -> None:
    plainly, page = Read(render_html(one(*EACH[3:4]))), Read(render_html(hostile()))
    assert not page.of("img")
    assert len(page.scripts) == len(plainly.scripts) == 2
    assert page.scripts[1] == plainly.scripts[1]
    assert all(str(anchor["href"]).startswith("#") for anchor in page.of("a"))
    assert any("onerror=alert(1)" in text for text in json.loads(page.scripts[0])["texts"])
    assert "\x1b" not in render_html(hostile())


def test_the_data_cannot_close_the_script_element() -> None:
    data = as_data(["</script>", "<!--", "a & b", "\u2028\u2029", "größer"])
    assert not set("<>&\u2028\u2029") & set(data)
    assert json.loads(data) == ["</script>", "<!--", "a & b", r"\u2028\u2029", "größer"]


def test_hostile_text_is_escaped_in_markdown() -> None:
    text = render_markdown(hostile())
    outside_code = re.sub(r"repeat: (`+) .* \1", "", text)
    assert "<img" not in outside_code
    assert not re.search(r"(?<!\\)\]\(", outside_code)
    tables = [line for line in text.splitlines() if line.startswith("|")]
    of_results = [line for line in tables if "requirements |" in line]
    assert len(of_results) == 2
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in of_results} == {15}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a|b", r"a\|b"), ("a\nb", "a b"), ("<b>&", "&lt;b&gt;&amp;"), ("`*_#~[]", r"\`\*\_\#\~\[\]"), ("\\", r"\\")],
)
def test_markdown_syntax_is_escaped(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("a b", "`a b`"), ("a``b", "``` a``b ```"), ("a\nb", "`a b`")])
def test_a_command_cannot_close_a_code_span(text: str, expected: str) -> None:
    assert code(text) == expected


@pytest.mark.parametrize(
    ("link", "leads"),
    [
        ("https://x.y/a?b=c#d", True), ("http://x.y", True), ("javascript:alert(1)", False), ("JaVaScRiPt:a", False),
        ("data:text/html,a", False), ("//x.y", False), ("https:", False), ("https://x.y/ a", False), ("", False),
        ("https://x.y/\n", False), ("javascript://x.y/%0aalert(1)", False), ("ftp://x.y/a", False),
        ("https://x.y/>)", False), ("https://[x", False), ("file:///a", False),
    ],
)
def test_only_web_links_are_rendered(link: str, leads: bool) -> None:
    assert followable(link) == (link if leads else "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('File "/a/lib/python3.11/site-packages/x/y.py", line 3', 'File ".../site-packages/x/y.py", line 3'),
        ("in /home/me/it.py:3, at:/tmp/a/", "in .../it.py:3, at:.../a"),
        ("`/a b/c d.py`", "`.../c d.py`"), (r"C:\Users\me\it.py", ".../it.py"), ("file:///home/me/it.py", ".../it.py"),
        ("it:MASK-01/linear/given/float32/cpu", "it:MASK-01/linear/given/float32/cpu"),
        ("https://x.y/a/b.html", "https://x.y/a/b.html"), ("3 / 4, and/or, ./a/b", "3 / 4, and/or, ./a/b"),
    ],
)
def test_absolute_paths_are_shortened(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_an_adapter_file_is_shown_by_its_name() -> None:
    of = declared(report([record("MASK-01", Verdict.FAILED)]), adapter="/home/me/a b.py")
    assert square(tabulate([of])).cells[0].arguments.startswith("--adapter 'a b.py' --cell it:MASK-01/")


def test_each_sparsifier_has_the_versions_and_the_date_of_its_own_run() -> None:
    later = report(passed(cell(name="other")), name="other", started="2026-02-03T04:05:06+00:00")
    first, second = join_of(later, report(passed(cell()))).columns
    assert dict(first.facts) == {
        "package": "acme 1.5", "code": "", "profile": "mask", "torch": "2.13.0+cpu", "python": "3.11.0",
        "device": "cpu", "date": "2026-01-01",
    }
    assert (second.name, dict(second.facts)["date"]) == ("other", "2026-02-03")


def test_the_order_of_reports_changes_nothing() -> None:
    reports = [report(EACH), report(passed(cell(name="other")), name="other")]
    assert render_html(tabulate(reports)) == render_html(tabulate(reports[::-1]))
    assert render_markdown(tabulate(reports)) == render_markdown(tabulate(reports[::-1]))


def test_the_markdown_has_results_requirements_and_failures() -> None:
    text = render_markdown(one(*EACH))
    assert "| it | not conformant | core: not conformant; 3 of " in text
    assert f" judged | 5 of {TOTAL} requirements | 2 (1 in part) | 1 known failure, 1 failed, " in text
    assert f"| MASK-02 | ◐ | {next(one.sentence for one in CATALOGUE if one.id == 'MASK-02')} |" in text
    assert "**MASK-04** failed (1 of 1 cell)" in text
    assert "## it: 1 known defect\n\n- **unnamed**: It was so. ([link](<https://x.y/1>))\n" in text
    assert "  - breaks 1 cell of extended MASK-03\n" in text


def test_the_pages_show_each_known_defect_once() -> None:
    records = [
        record(id, Verdict.KNOWN, signature="aliased: a", message=f"in {id}", reason="It was so.", defect="aliases")
        for id in ("MASK-02", "MASK-01", "MASK-03")
    ]
    of = one(*records, record("MASK-04", Verdict.PASSED))
    [defect] = of.columns[0].defects
    assert (defect.title, defect.breaks) == ("aliases", "3 cells of core MASK-01, MASK-02; extended MASK-03")
    assert render_markdown(of).count("It was so.") == 1
    assert Read(render_html(of)).text.count("breaks 3 cells of core MASK-01, MASK-02; extended MASK-03") == 1


def test_a_selection_is_announced_on_the_page() -> None:
    of = tabulate([report(passed(cell()), selection=Selection(areas=("MASK",)))])
    assert "Only a selection" in render_markdown(of)
    assert "Only a selection" in render_html(of)
    assert "Only a selection" not in render_html(one()) + render_markdown(one())


def written(folder: Path, *reports: Report) -> list[str]:
    """Their files."""
    files = [folder / f"{number}.jsonl" for number in range(len(reports))]
    for file, of in zip(files, reports, strict=True):
        lines = (of.header, *of.records, *((of.footer,) if of.footer else ()))
        file.write_bytes(b"".join(map(encode, lines)))
    return list(map(str, files))


def pages(folder: Path, files: Sequence[str]) -> Result:
    there = [f"{way}={folder / name}" for way, name in (("--html", "a.html"), ("--markdown", "a.md"))]
    return CliRunner().invoke(main, ["page", *files, *there])


def test_both_pages_are_written_and_deterministic(tmp_path: Path) -> None:
    files = written(tmp_path, report(EACH), report(passed(cell(name="other")), name="other"))
    assert pages(tmp_path, files).exit_code == 0
    first = [(tmp_path / name).read_bytes() for name in ("a.html", "a.md")]
    assert pages(tmp_path, files).exit_code == 0
    assert first == [(tmp_path / name).read_bytes() for name in ("a.html", "a.md")]
    assert first[0].startswith(b"<!DOCTYPE html>")
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize(
    ("reports", "exit", "said"),
    [
        ([replaced(report(EACH), footer=None)], 3, "no footer"),
        ([report(EACH, interrupted="Ctrl-C")], 3, "run that was interrupted (Ctrl-C). Run it again."),
        ([replaced(report(EACH), footer=report(passed(cell())).footer)], 3, "footer contradicts"),
        ([report(EACH[:2], [cell(), cell("MASK-02"), cell("MASK-30")])], 3, "the plan and the records of"),
        ([report(EACH), report(EACH)], 2, "it is in two of the reports"),
        ([report(passed(cell()), selection=Selection(probe=True))], 2, "a probe"),
        ([report(subjects=())], 2, "about no sparsifier"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_incomplete_report_writes_nothing(
    tmp_path: Path, reports: list[Report], exit: int, said: str
) -> None:
    ended = pages(tmp_path, written(tmp_path, *reports))
    assert (ended.exit_code, said in ended.output) == (exit, True), ended.output
    assert len(ended.output.splitlines()) == 1
    assert not (tmp_path / "a.html").exists()
    assert not (tmp_path / "a.md").exists()


def test_requirements_that_a_report_was_not_judged_by_are_named() -> None:
    earlier = {id: revision for id, revision in revisions().items() if id != "MASK-02"}
    of = tabulate([report([*passed(cell()), Record(cell("MASK-99"), Verdict.PASSED)], requirements=earlier)])
    assert square(of, "MASK-02").standing is Standing.NOT_THERE
    for page in (render_html(of), render_markdown(of)):
        assert "(newer than the other catalogue): MASK-02" in " ".join(page.split())


def test_every_invalid_combination_of_reports_has_its_error() -> None:
    with pytest.raises(EmptyReport):
        tabulate([report(subjects=())])
    with pytest.raises(ReportMismatch):
        tabulate([report(), report()])
    with pytest.raises(InterruptedReport):
        tabulate([report(interrupted="Ctrl-C")])
    with pytest.raises(InterruptedReport):
        tabulate([replaced(join([report(EACH)]), footer=None)])


def test_a_missing_report_is_named(tmp_path: Path) -> None:
    ended = pages(tmp_path, [str(tmp_path / "absent.jsonl")])
    assert ended.exit_code == 2
    assert "there is no report" in ended.output
    assert "absent.jsonl" in ended.output


def test_an_unwritable_page_leaves_the_other_unchanged(tmp_path: Path) -> None:
    files = written(tmp_path, report(EACH))
    ended = CliRunner().invoke(
        main, ["page", *files, "--html", str(tmp_path / "a.html"), "--markdown", str(tmp_path / "no" / "a.md")]
    )
    assert ended.exit_code == 2
    assert "cannot be written" in ended.output
    assert [file.name for file in tmp_path.iterdir()] == ["0.jsonl"]


def test_naming_no_page_is_bad_usage(tmp_path: Path) -> None:
    ended = CliRunner().invoke(main, ["page", *written(tmp_path, report(EACH))])
    assert (ended.exit_code, "nothing to write" in ended.output) == (2, True)


def test_only_the_html_page_needs_jinja(tmp_path: Path) -> None:
    [file] = written(tmp_path, report(EACH))
    ended = sparsecheck_without({"jinja2"}, "page", file, "--html", "a.html", cwd=tmp_path)
    assert (ended.returncode, "pip install 'sparsecheck[pages]'" in ended.stderr) == (2, True)
    assert not (tmp_path / "a.html").exists()
    other = sparsecheck_without({"jinja2", "torch"}, "page", file, "--markdown", "a.md", cwd=tmp_path)
    assert (other.returncode, other.stderr) == (0, "")


def test_pages_do_not_need_torch(tmp_path: Path) -> None:
    [file] = written(tmp_path, report(EACH))
    ended = sparsecheck_without({"torch"}, "page", file, "--html", "a.html", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
