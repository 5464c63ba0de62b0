"""`sparsecheck versions`: changes between torch versions, their rendering, and refused input."""

from __future__ import annotations

import html as escaping
import os
import re
import subprocess
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from sparsecheck.catalogue import CATALOGUE, VERSION, revisions
from sparsecheck.features.versions.changes import Change, Kind
from sparsecheck.features.versions.html import render_html
from sparsecheck.features.versions.markdown import render_markdown
from sparsecheck.features.versions.table import VersionTable, tabulate
from sparsecheck.report.joining import join
from sparsecheck.report.report import Report, read, write
from sparsecheck.values.declaration import Declaration
from sparsecheck.values.record import Record, Verdict
from sparsecheck.values.selection import Selection
from tests.samples import cell, declaration, environment, report
from tests.test_page import HOSTILE, Read

ROOT = Path(__file__).parent.parent
NEEDS = "needs torch>=2.4, this is 2.1.2"
FAILS = Record(cell(), Verdict.FAILED, message="expected 4, seen 5")
KNOWN = Record(cell(), Verdict.KNOWN, message="seen 3", reason="It was so.", link="https://x.y/1")
PASSED = Record(cell(), Verdict.PASSED)
STALE = Record(cell(), Verdict.STALE, message="delete the expectation", reason="It was so.")
REFUSED = Record(cell(), Verdict.REFUSED, refused_by="package")
LATER = Record(cell(), Verdict.UNAVAILABLE, reason=NEEDS)
NO_GPU = Record(cell(), Verdict.UNAVAILABLE, reason="no cuda device here")


def on(
    torch: str, *records: Record, name: str = "it", declared: Declaration | None = None, problem: str = "",
    interrupted: str = "", **header: Any,
) -> Report:
    """Return a report of one sparsifier on one torch version."""
    of = report(records, name=name, problem=problem, interrupted=interrupted, **header)
    place = None if problem else environment(torch=torch)
    there = declared or (None if problem else declaration(name=name))
    subjects = tuple(replace(one, environment=place, declaration=there) for one in of.header.subjects)
    return replaced(of, header=replace(of.header, subjects=subjects))


def changed(*reports: Report) -> tuple[Change, ...]:
    return tabulate(reports).changes


def both(of: VersionTable) -> tuple[str, str]:
    """Return the text of the HTML page, and the Markdown page with its escapes removed."""
    return " ".join(Read(render_html(of)).text.split()), _unescaped(render_markdown(of))


def _unescaped(text: str) -> str:
    return escaping.unescape(re.sub(r"\\(?=[\\`*_\[\]|~#])", "", text))


def test_columns_are_sorted_by_version() -> None:
    of = tabulate([on(torch, PASSED) for torch in ("2.10.0+cpu", "2.4.1", "2.16.0.dev20260101+cpu", "2.1.2")])
    assert [release.name for release in of.releases] == ["2.1.2", "2.4.1", "2.10.0", "2.16.0.dev20260101"]
    assert "| sparsifier | torch 2.1.2 | torch 2.4.1 | torch 2.10.0 | torch 2.16.0.dev20260101" in both(of)[1]


@pytest.mark.parametrize(
    ("torch", "gating"), [("2.13.0+cpu", True), ("2.16.0.dev20260101", False), ("2.15.0rc1", False), ("2.1.0a0", False)]
)
def test_prereleases_are_marked_as_not_gating(torch: str, gating: bool) -> None:
    for page in both(tabulate([on(torch, PASSED)])):
        assert ("not gating" in page) is not gating


def test_each_square_shows_result_and_counts() -> None:
    of = tabulate([on("2.1.2", PASSED, Record(cell("MASK-02"), Verdict.KNOWN)), on("2.4.1", FAILS)])
    html, text = both(of)
    known, red = "conformant with known defects", "not conformant"
    levels = [r"core conformant with 1 known defect \(2 of \d+\), extended incomplete \(0 of \d+\)"]
    levels += [r"core not conformant \(1 of \d+\), extended not conformant \(0 of \d+\)"]
    counts = ["1 known failure, 1 passed", "1 failed"]
    assert re.search(rf"\| it \| {known}: {levels[0]}; {counts[0]} \| {red}: {levels[1]}; {counts[1]} \|", text)
    assert re.search(f"it {known} {levels[0]}; {counts[0]} {red} {levels[1]}; {counts[1]}", html)
    squares = [one for one in Read(render_html(of)).of("td") if one.get("data-what") == "torch 2.4.1"]
    assert len(squares) == 1


def test_a_torch_without_a_report_is_shown_and_skipped() -> None:
    of = tabulate([on("2.1.2", PASSED), on("2.4.1", name="other"), on("2.7.0", FAILS)])
    for page in both(of):
        assert "no report" in page
    [one] = of.changes
    assert (one.before.name, one.since.name, one.sparsifiers) == ("2.1.2", "2.7.0", ("it",))


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        (PASSED, FAILS, Kind.BROKE), (PASSED, KNOWN, Kind.BROKE), (REFUSED, FAILS, Kind.BROKE),
        (STALE, KNOWN, Kind.BROKE),
        (PASSED, replace(FAILS, verdict=Verdict.ERROR), Kind.BROKE),
        (PASSED, replace(FAILS, verdict=Verdict.NOT_RUN), Kind.BROKE),
        (FAILS, PASSED, Kind.FIXED), (KNOWN, PASSED, Kind.FIXED), (KNOWN, STALE, Kind.FIXED),
        (LATER, PASSED, Kind.AVAILABILITY), (PASSED, LATER, Kind.AVAILABILITY), (LATER, FAILS, Kind.AVAILABILITY),
        (KNOWN, LATER, Kind.AVAILABILITY),
        (NO_GPU, FAILS, Kind.OTHER), (PASSED, NO_GPU, Kind.OTHER), (KNOWN, FAILS, Kind.OTHER),
        (PASSED, STALE, Kind.OTHER),
        (PASSED, REFUSED, Kind.OTHER), (KNOWN, REFUSED, Kind.OTHER), (REFUSED, PASSED, Kind.OTHER),
        (REFUSED, replace(REFUSED, refused_by="adapter"), Kind.OTHER),
    ],
)
def test_every_pair_of_verdicts_has_its_kind_of_change(
    was: Record, now: Record, kind: Kind
) -> None:
    of = tabulate([on("2.1.2", was), on("2.4.1", now)])
    assert [one.kind for one in of.changes] == [kind]
    sections = render_markdown(of).split("### ")[1:]
    assert [section.split("\n")[0].lower() for section in sections if "- **MASK-01**" in section] == [kind.value]
    assert both(of)[0].count("None.") == len(Kind) - 1


@pytest.mark.parametrize("record", [PASSED, FAILS, KNOWN, STALE, REFUSED, LATER, NO_GPU], ids=lambda one: one.verdict)
def test_equal_verdicts_are_no_change(record: Record) -> None:
    of = tabulate([on("2.1.2", record), on("2.4.1", record)])
    assert not of.changes
    assert [page.count("None.") for page in both(of)] == [len(Kind)] * 2


SENTENCE = CATALOGUE[[one.id for one in CATALOGUE].index("MASK-01")].sentence


def test_a_change_shows_both_torch_versions_both_verdicts_and_the_reason() -> None:
    of = tabulate([on("2.1.2", PASSED), on("2.4.1", PASSED), on("2.7.0", KNOWN)])
    html, text = both(of)
    assert f"**MASK-01** since torch 2.7.0: from passed (on 2.4.1) to known failure. {SENTENCE}" in text
    assert f"torch 2.7.0 it MASK-01 {SENTENCE} from ✓ passed on torch 2.4.1 to K known failure 1 cell: " in html
    assert "because: It was so. ([link](<https://x.y/1>))" in text
    assert "https://x.y/1" in [one["href"] for one in Read(render_html(of)).of("a")]
    for page in (html, text):
        for said in ("It was so.", "seen 3", f"sparsecheck run --cell {cell()}", "1 cell", "linear / given / float32"):
            assert said in page


def test_an_unexpected_failure_shows_its_message() -> None:
    for page in both(tabulate([on("2.1.2", PASSED), on("2.4.1", FAILS)])):
        assert "expected 4, seen 5" in page


def test_a_fix_shows_the_former_reason_and_the_expectation_to_delete() -> None:
    [one] = changed(on("2.1.2", KNOWN), on("2.4.1", PASSED))
    assert (one.reasons, one.link, one.message) == (("It was so.",), "https://x.y/1", "seen 3")
    assert "it had failed because: It was so." in render_markdown(tabulate([on("2.1.2", KNOWN), on("2.4.1", PASSED)]))
    [other] = changed(on("2.1.2", KNOWN), on("2.4.1", STALE))
    assert other.message == "delete the expectation"


def test_a_newly_available_cell_shows_the_required_torch_and_its_result() -> None:
    of = tabulate([on("2.1.2", LATER), on("2.4.1", FAILS)])
    for page in both(of):
        assert NEEDS in page
        assert "expected 4, seen 5" in page


def in_layers(record: Record, *layers: str, name: str = "it") -> list[Record]:
    return [replace(record, cell=cell(layer=layer, name=name)) for layer in layers]


def test_equal_changes_of_one_requirement_share_one_line() -> None:
    layers = ("linear", "conv2d", "embedding")
    of = tabulate([on("2.1.2", *in_layers(PASSED, *layers)), on("2.4.1", *in_layers(FAILS, *layers))])
    [one] = of.changes
    for page in both(of):
        assert "3 cells" in page
        assert "linear, conv2d, embedding / given / float32 / cpu" in page
    assert len(one.cells) == 3


def test_changes_with_different_reasons_have_separate_lines() -> None:
    other = replace(KNOWN, reason="It was otherwise.")
    older = on("2.1.2", *in_layers(PASSED, "linear", "conv2d", "conv1d"))
    newer = on("2.4.1", *in_layers(KNOWN, "linear"), *in_layers(other, "conv2d"), *in_layers(FAILS, "conv1d"))
    assert sorted(one.reasons for one in changed(older, newer)) == [(), ("It was otherwise.",), ("It was so.",)]


def test_a_known_defect_is_one_change_whatever_it_breaks() -> None:
    ids = ("REG-01", "MASK-03")
    older = [on("2.1.2", *(Record(cell(id, name=name), Verdict.PASSED) for id in ids), name=name) for name in "ab"]
    newer = [
        on("2.4.1", *(replace(KNOWN, cell=cell(id, name=name), defect="aliases") for id in ids), name=name)
        for name in "ab"
    ]
    of = tabulate([*older, *newer])
    [one] = of.changes
    assert (one.defect, one.ids, one.sparsifiers, len(one.cells)) == ("aliases", "MASK-03, REG-01", ("a", "b"), 4)
    html, text = both(of)
    assert "- **aliases** (MASK-03, REG-01) since torch 2.4.1: from passed (on 2.1.2) to known failure.\n" in text
    assert "torch 2.4.1 a, b aliases MASK-03, REG-01 from ✓ passed" in html
    assert text.count("It was so.") == 1


def of_two(was: Record, now: Record) -> tuple[Change, ...]:
    """Return the changes of two sparsifiers with equal records."""
    return changed(*(
        on(torch, *in_layers(record, "linear", name=name), name=name)
        for torch, record in (("2.1.2", was), ("2.4.1", now)) for name in ("a", "b")
    ))


def test_sparsifiers_share_a_line_only_for_availability() -> None:
    assert [one.sparsifiers for one in of_two(PASSED, FAILS)] == [("a",), ("b",)]
    assert [one.sparsifiers for one in of_two(LATER, PASSED)] == [("a", "b")]


def test_red_changes_come_first() -> None:
    older = on("2.1.2", PASSED, Record(cell("MASK-02"), Verdict.PASSED))
    newer = on("2.4.1", KNOWN, replace(FAILS, cell=cell("MASK-02")))
    assert [one.ids for one in changed(older, newer)] == ["MASK-02", "MASK-01"]


def test_older_changes_come_before_newer_ones() -> None:
    other = cell("MASK-02")
    steps = changed(
        on("2.1.2", PASSED, replace(PASSED, cell=other)), on("2.4.1", PASSED, replace(FAILS, cell=other)),
        on("2.7.0", FAILS, replace(FAILS, cell=other)),
    )
    assert [(one.since.name, one.ids) for one in steps] == [("2.4.1", "MASK-02"), ("2.7.0", "MASK-01")]


def test_a_change_without_a_reason_shows_the_former_one() -> None:
    [one] = changed(on("2.1.2", KNOWN), on("2.4.1", REFUSED))
    assert (one.kind, one.reasons, one.message) == (Kind.OTHER, ("It was so.",), "seen 3")


def test_each_torch_is_compared_with_the_previous_one() -> None:
    steps = changed(on("2.10.0", FAILS), on("2.4.1", PASSED), on("2.1.2", FAILS))
    assert [(one.kind, one.before.name, one.since.name) for one in steps] == [
        (Kind.BROKE, "2.4.1", "2.10.0"), (Kind.FIXED, "2.1.2", "2.4.1"),
    ]


def test_a_cell_planned_on_one_torch_only_is_a_change() -> None:
    [gone] = changed(on("2.1.2", PASSED, *in_layers(PASSED, "conv2d")), on("2.4.1", PASSED))
    assert (gone.kind, gone.was.value, gone.now.value) == (Kind.OTHER, "passed", "not asked for")
    random = declaration(score="random")
    [other] = changed(on("2.1.2", replace(PASSED, cell=cell("MASK-06"))), on("2.4.1", declared=random))
    assert other.now.value == "not in its contract"


def test_a_new_package_version_is_mentioned() -> None:
    newer = on("2.4.1", FAILS, declared=declaration(version="1.6"))
    for page in both(tabulate([on("2.1.2", PASSED), newer])):
        assert "the package changed, too: acme 1.5 to acme 1.6" in page
    own = [replace(declaration(version=version), distribution="torch") for version in ("2.1.2", "2.4.1")]
    for page in both(tabulate([on("2.1.2", PASSED, declared=own[0]), on("2.4.1", FAILS, declared=own[1])])):
        assert "the package changed" not in page


def joined(torch: str, problem: str) -> Report:
    """Return a report of two sparsifiers, one of which could not be judged."""
    return join([on(torch, *in_layers(PASSED, "linear", name="other"), name="other"), on(torch, problem=problem)])


def test_a_sparsifier_that_could_not_be_judged_appears_with_the_reason() -> None:
    of = tabulate([on("2.1.2", PASSED), joined("2.4.1", "it does not import"), on("2.7.0", FAILS)])
    [it] = [row for row in of.rows if row.sparsifier == "it"]
    assert [square.result if square else "" for square in it.squares] == ["conformant", "not judged", "not conformant"]
    for page in both(of):
        assert "it does not import" in page
    assert [(one.before.name, one.since.name) for one in of.changes] == [("2.1.2", "2.7.0")]


def test_environments_come_from_the_headers() -> None:
    of = tabulate([
        on("2.10.0+cpu", PASSED, sparsecheck="0.2"), on("2.4.1", PASSED, started="2026-02-03T04:05:06+00:00"),
        on("2.4.1", name="other", started="2026-02-03T05:05:06+00:00"),
    ])
    rest = {"python": "3.11.0", "numpy": "2.0.0", "platform": "linux", "device": "cpu", "catalogue": str(VERSION)}
    assert [dict(one) for one in of.environments] == [
        {"torch": "2.4.1", "date": "2026-02-03", "sparsecheck": "", "sparsifiers": "2", **rest},
        {"torch": "2.10.0+cpu", "date": "2026-01-01", "sparsecheck": "0.2", "sparsifiers": "1", **rest},
    ]
    html, text = both(of)
    assert f"| 2.10.0+cpu | 3.11.0 | 2.0.0 | linux | cpu | 2026-01-01 | 0.2 | {VERSION} | 1 |" in text
    assert f"2.10.0+cpu 3.11.0 2.0.0 linux cpu 2026-01-01 0.2 {VERSION} 1" in " ".join(html.split())


def test_requirements_that_a_report_was_not_judged_by_are_named_and_are_no_change() -> None:
    earlier = {id: revision for id, revision in revisions().items() if id != "MASK-02"}
    of = tabulate([
        on("2.1.2", PASSED, requirements=earlier),
        on("2.4.1", PASSED, replace(PASSED, cell=cell("MASK-02"), verdict=Verdict.FAILED)),
    ])
    assert of.changes == ()
    for page in both(of):
        assert "(newer than the other catalogue): MASK-02" in " ".join(page.split())


def test_a_single_torch_has_nothing_to_compare() -> None:
    for page in both(tabulate([on("2.1.2", PASSED)])):
        assert "There is only one torch version" in page
        assert "None." not in page


def test_a_selection_is_announced_on_the_page() -> None:
    selected = Selection(areas=("MASK",))
    for page in both(tabulate([on("2.1.2", PASSED, selection=selected)])):
        assert "Only a selection" in page
    for page in both(tabulate([on("2.1.2", PASSED)])):
        assert "Only a selection" not in page


def test_the_order_of_reports_changes_nothing() -> None:
    reports = [on("2.1.2", PASSED), on("2.4.1", FAILS), joined("2.7.0", "no")]
    assert both(tabulate(reports)) == both(tabulate(reports[::-1]))


def test_hostile_text_is_escaped() -> None:
    name = HOSTILE.replace(":", ";")
    words: dict[str, Any] = {"message": HOSTILE, "reason": HOSTILE, "link": "javascript:a"}
    reports = [
        on("2.1.2", Record(f"{name}:MASK-01/[a](b)/b/c/d", Verdict.PASSED), name=name),
        on("2.4.1", Record(f"{name}:MASK-01/[a](b)/b/c/d", Verdict.KNOWN, **words), name=name,
           declared=declaration(name=name, version=HOSTILE), sparsecheck=HOSTILE),
    ]
    page, text = Read(render_html(tabulate(reports))), render_markdown(tabulate(reports))
    assert not page.of("img")
    assert not page.of("script")
    assert all(str(anchor["href"]).startswith("#") for anchor in page.of("a"))
    assert "onerror=alert(1)" in page.text
    outside_code = re.sub(r"repeat: (`+) .* \1", "", text).replace("[the environments](#environments)", "")
    assert "<img" not in outside_code
    assert not re.search(r"(?<!\\)\]\(", outside_code)
    assert "\x1b" not in render_html(tabulate(reports)) + text


def test_the_page_is_self_contained_and_readable_without_colour() -> None:
    page = Read(render_html(tabulate([on("2.1.2", PASSED), on("2.4.1", FAILS)])))
    assert not [tag for tag, has in page.elements if {"src", "srcset", "data", "style", "onclick"} & has.keys()]
    assert not page.of("link")
    assert not page.of("script")
    signs = [one for one in page.of("span") if "sign" in str(one.get("class"))]
    assert len(signs) == 2
    assert all(one.get("aria-hidden") == "true" for one in signs)
    style = re.search(r"<style>(.*?)</style>", render_html(tabulate([on("2.1.2", PASSED)])), re.DOTALL)
    assert style is not None
    for needed in ("prefers-color-scheme: dark", ".changes td::before", "max-width: 50rem"):
        assert needed in style[1]
    assert all("data-what" in one for one in page.of("td"))


STUB = """#!/usr/bin/env bash
echo "$*" >> said
case "$*" in
    list*) printf 'torch2.1\\ntorch2.4\\ntorch2.7\\ntorch2.10\\n' ;;
    "-e torch2.1") mkdir -p .tox/torch2.1/recorded .tox/torch2.1/written/2.1; cp green.jsonl .tox/torch2.1/report.jsonl
        echo read > .tox/torch2.1/states.jsonl; mkdir .tox/torch2.1/recorded/tensors
        echo new > .tox/torch2.1/recorded/all.jsonl.gz; echo new > .tox/torch2.1/recorded/tensors/a
        echo anew > .tox/torch2.1/written/2.1/a ;;
    "-e torch2.4") mkdir -p .tox/torch2.4/written/2.4; echo new > .tox/torch2.4/written/2.4/a
        cp red.jsonl .tox/torch2.4/report.jsonl; exit 1 ;;
    "-e torch2.7") mkdir -p .tox/torch2.7; exit 1 ;;
    "-e torch2.10") mkdir -p .tox/torch2.10; head -n 1 red.jsonl > .tox/torch2.10/report.jsonl; exit 3 ;;
    "-e versions") ls docs/versions/records > pages ;;
esac
"""


def test_ci_keeps_every_torch_record_and_continues_after_a_failure(tmp_path: Path) -> None:
    for name, text in ((".ci/versions", (ROOT / ".ci" / "versions").read_text("utf-8")), ("bin/tox", STUB)):
        file = tmp_path / name
        file.parent.mkdir()
        file.write_text(text, "utf-8")
        file.chmod(0o755)
    write(on("2.1.2", PASSED), tmp_path / "green.jsonl")
    write(on("2.4.1", FAILS), tmp_path / "red.jsonl")
    place = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    place.pop("SPARSECHECK_TORCH_INDEX", None)
    recorded = tmp_path / "reference" / "recorded"
    (recorded / "tensors").mkdir(parents=True)
    for name in ("2.1.jsonl.gz", "2.4.jsonl.gz", "tensors/b"):
        (recorded / name).write_text("as it was\n")
    saved = tmp_path / "reference" / "states"
    (saved / "2.1").mkdir(parents=True)
    (saved / "2.1" / "a").write_text("as it was")
    ended = subprocess.run([tmp_path / ".ci" / "versions"], env=place, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-3:] == [
        "red: torch2.4", "cut short, not kept: torch2.10",
        "could not be installed or judged here, earlier record kept: torch2.7",
    ]
    records = tmp_path / "docs" / "versions" / "records"
    assert sorted(file.name for file in records.iterdir()) == ["torch-2.1.jsonl.gz", "torch-2.4.jsonl.gz"]
    assert read(records / "torch-2.4.jsonl.gz") == read(tmp_path / "red.jsonl")
    snapshots = [file for file in recorded.rglob("*") if file.is_file()]
    assert {file.relative_to(recorded).as_posix(): file.read_text() for file in snapshots} == {
        "2.1.jsonl.gz": "new\n", "2.4.jsonl.gz": "as it was\n", "tensors/a": "new\n", "tensors/b": "as it was\n",
    }
    assert [(saved / release / "a").read_text() for release in ("2.1", "2.4")] == ["as it was", "new\n"]
    assert [file.name for file in (tmp_path / "docs" / "versions" / "states").iterdir()] == ["torch-2.1.jsonl"]
    assert (tmp_path / "pages").read_text().split() == ["torch-2.1.jsonl.gz", "torch-2.4.jsonl.gz"]
    assert not list((tmp_path / ".tox").iterdir())
    assert (tmp_path / "said").read_text().splitlines()[1:] == [
        "-e torch2.1", "-e torch2.4", "-e torch2.7", "-e torch2.10", "-e versions",
    ]


def test_every_torch_of_the_label_is_pinned_and_the_readme_names_the_command() -> None:
    text = (ROOT / "tox.ini").read_text("utf-8")
    label = re.search(r"^ +versions = (.*)$", text, re.MULTILINE)
    assert label is not None
    names = label[1].split(", ")
    assert names == [f"torch2.{minor}" for minor in (1, 4, 7, 10, 13, 14, 15)]
    for name in names:
        pin = f"{name}: torch==" + ("2.13.0" if name == "torch2.13" else f"{name.removeprefix('torch')}.*")
        assert re.search(rf"^ +.*{re.escape(pin)}$", text, re.MULTILINE), name
        assert f"!{name}-" in text, name
    assert "`.ci/versions`" in (ROOT / "README.md").read_text("utf-8")
    assert os.access(ROOT / ".ci" / "versions", os.X_OK)
