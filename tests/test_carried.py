"""Verdicts from another machine are shown with its device and their age, and are never counted."""

from __future__ import annotations

from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from sparsecheck.catalogue import revisions
from sparsecheck.cli import main
from sparsecheck.features.page.html import render_html
from sparsecheck.features.page.markdown import render_markdown
from sparsecheck.report.report import InterruptedReport, ProbeReport, Report, write
from sparsecheck.show.carried import CARRIED, carried, carried_lines
from sparsecheck.show.results import tabulate
from sparsecheck.values.declaration import Environment
from sparsecheck.values.record import Footer, Record, Verdict
from sparsecheck.values.selection import Selection
from tests.samples import cell, report

HOSTILE = "<b>\x1b[2J|`x`"
THERE = Environment(
    "2.13.0+cu130", "2.0.0", "3.11.0", "linux", ("cpu", "cuda"), accelerator="H200", driver="12.8", capability="9.0"
)


def at(device: str, id: str = "MASK-01", name: str = "it") -> str:
    return cell(id, name=name).replace("/cpu", f"/{device}")


def unavailable(*cells: str) -> list[Record]:
    return [Record(one, Verdict.UNAVAILABLE, reason="no cuda device here") for one in cells]


NOW = report(
    [Record(cell(), Verdict.PASSED), *unavailable(at("cuda"), at("cuda", "MASK-02"), at("cuda", "MASK-03"))],
    started="2026-03-01T00:00:00+00:00",
)
JUDGED = (
    Record(cell(), Verdict.FAILED, "output-differs", "on its cpu"),
    Record(at("cuda"), Verdict.PASSED),
    Record(at("cuda", "MASK-02"), Verdict.FAILED, "output-differs", "seen 5, expected 4"),
    Record(at("cuda", "MASK-04"), Verdict.FAILED, "output-differs", "not asked for here"),
    *unavailable(at("cuda", "MASK-03")),
)


def older(records: tuple[Record, ...] = JUDGED, place: Environment = THERE, **header: Any) -> Report:
    made = report(records, started="2026-02-01T00:00:00+00:00", **header)
    subjects = tuple(replace(one, environment=place) for one in made.header.subjects)
    return replaced(made, header=replace(made.header, subjects=subjects))


def test_unavailable_cells_judged_elsewhere_are_carried() -> None:
    [one] = carried(NOW, [older()])
    assert [record.cell for record in one.records] == [at("cuda"), at("cuda", "MASK-02")]
    assert dict(one.facts) == {
        "package": "acme 1.5", "device": "H200", "driver": "12.8", "torch": "2.13.0+cu130", "date": "2026-02-01",
        "age": "28 days older than this run",
    }


def test_a_cell_is_carried_from_any_kind_of_accelerator() -> None:
    [one] = carried(NOW, [older((Record(at("xpu"), Verdict.PASSED),))])
    assert [record.cell for record in one.records] == [at("xpu")]


@pytest.mark.parametrize("records", [
    (Record(cell(), Verdict.PASSED),), tuple(unavailable(at("cuda"))), (Record(at("cuda", "MASK-04"), Verdict.PASSED),),
])
def test_nothing_to_carry_shows_nothing(records: tuple[Record, ...]) -> None:
    assert list(carried(NOW, [older(records)])) == []
    assert list(carried_lines([])) == []


def test_unavailable_cpu_cells_are_not_carried() -> None:
    now = report(unavailable(cell()))
    assert list(carried(now, [older((Record(cell(), Verdict.PASSED),))])) == []


def test_nothing_is_carried_from_another_sparsifier() -> None:
    assert list(carried(NOW, [report([Record(at("cuda", name="other"), Verdict.PASSED)], name="other")])) == []


@pytest.mark.parametrize(("started", "age"), [
    ("2026-01-31T23:00:00+00:00", "29 days older"), ("2026-02-28T23:00:00+00:00", "1 day older"),
    ("2026-03-03", "2 days newer"), ("", "of unknown age"),
])
def test_the_age_is_shown(started: str, age: str) -> None:
    one = replaced(older(), header=replace(older().header, started=started))
    assert next(iter(carried(NOW, [one]))).facts[-1][1].startswith(age)


@pytest.mark.parametrize(("header", "error", "says"), [
    ({"selection": Selection(probe=True)}, ProbeReport, "a probe"),
])
def test_reports_without_verdicts_are_not_carried(header: dict[str, object], error: type[Exception], says: str) -> None:
    one = older()
    with pytest.raises(error, match=says):
        list(carried(NOW, [replaced(one, header=replace(one.header, **header))]))


def test_a_requirement_at_another_revision_is_not_carried() -> None:
    raised = {**revisions(), "MASK-02": 2}
    [whole], [part] = carried(NOW, [older()]), carried(NOW, [older(requirements=raised)])
    assert {"MASK-02"} == {one.cell.split(":")[1].split("/")[0] for one in set(whole.records) - set(part.records)}


@pytest.mark.parametrize("footer", [None, Footer((), "Ctrl-C")])
def test_incomplete_reports_are_not_carried(footer: Footer | None) -> None:
    with pytest.raises(InterruptedReport, match="interrupted"):
        list(carried(NOW, [replaced(older(), footer=footer)]))


def test_the_lines_show_counts_origin_and_red_cells() -> None:
    assert list(carried_lines(list(carried(NOW, [older()])))) == [
        CARRIED,
        "  it: 1 failed, 1 passed (package acme 1.5, device H200, driver 12.8, torch 2.13.0+cu130, date 2026-02-01), "
        "28 days older than this run",
        "    failed: MASK-02/linear/given/float32/cuda: seen 5, expected 4",
    ]


def test_carried_verdicts_are_shown_and_not_counted(tmp_path: Path) -> None:
    now, then = tmp_path / "now.jsonl", tmp_path / "then.jsonl"
    write(NOW, now)
    write(older(), then)
    kept = [tmp_path / "plain.jsonl", tmp_path / "seen.jsonl"]
    plain = CliRunner().invoke(main, ["report", str(now), "--report", str(kept[0])])
    seen = CliRunner().invoke(main, ["report", str(now), "--report", str(kept[1]), "--carry", str(then)])
    assert (plain.exit_code, seen.exit_code) == (0, 0), seen.output
    assert seen.output.startswith(plain.output)
    assert seen.output.removeprefix(plain.output).startswith(CARRIED)
    assert kept[0].read_bytes() == kept[1].read_bytes()


def test_a_carried_probe_is_bad_usage(tmp_path: Path) -> None:
    now, then = tmp_path / "now.jsonl", tmp_path / "then.jsonl"
    write(NOW, now)
    write(older(selection=Selection(probe=True)), then)
    for command in (["report", str(now)], ["page", str(now), "--markdown", str(tmp_path / "page.md")]):
        ended = CliRunner().invoke(main, [*command, "--carry", str(then)])
        assert ended.exit_code == 2, ended.output
        assert "a probe" in ended.output
    assert not (tmp_path / "page.md").exists()


def test_carried_verdicts_are_shown_on_pages_and_not_counted(tmp_path: Path) -> None:
    now, then, page = tmp_path / "now.jsonl", tmp_path / "then.jsonl", tmp_path / "page.md"
    write(NOW, now)
    write(older(), then)
    ended = CliRunner().invoke(main, ["page", str(now), "--carry", str(then), "--markdown", str(page)])
    assert ended.exit_code == 0, ended.output
    plain = render_markdown(tabulate([NOW]))
    assert page.read_text("utf-8").startswith(plain.rstrip("\n"))
    assert "| it | 1 failed, 1 passed | acme 1.5 | H200 | 12.8 | 2.13.0+cu130 | 2026-02-01 | 28 days older" in (
        page.read_text("utf-8")
    )
    assert tabulate([NOW], [older()]).columns == tabulate([NOW]).columns
    html = render_html(tabulate([NOW], [older()]))
    assert CARRIED in html
    assert "<td class=\"fact\">28 days older than this run</td>" in html
    assert CARRIED not in render_html(tabulate([NOW]))


def test_names_from_another_machine_are_escaped() -> None:
    one = older(place=replace(THERE, accelerator=HOSTILE))
    table = tabulate([NOW], [one])
    assert "<b>" not in render_html(table).partition("Verdicts from other machines</h2>")[2]
    assert "\x1b" not in render_markdown(table) + render_html(table) + "".join(carried_lines(table.carried))
    assert "\\|\\`x\\`" in render_markdown(table)
