"""Sharded runs: each cell is judged by one shard, and only complete sets of shards are merged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from sparsecheck.cli import main
from sparsecheck.report.joining import join
from sparsecheck.report.merging import (
    CatalogueMismatch,
    DuplicateShard,
    EnvironmentMismatch,
    MissingShard,
    NotAShard,
    PlanMismatch,
    SubjectMismatch,
    Unmergeable,
    merge,
)
from sparsecheck.report.reasons import exit_code
from sparsecheck.report.report import Report, ReportMismatch, UnmergedShard, read, write
from sparsecheck.report.sharding import Weights, partition, read_weights, weights
from sparsecheck.show.results import tabulate
from sparsecheck.values.origin import Fingerprint, Origin
from sparsecheck.values.record import Footer, Record, Share, Subject, Verdict
from sparsecheck.values.selection import Selection
from sparsecheck.values.shard import InvalidShard, Shard
from tests.faulty import run
from tests.samples import cell, declaration, environment, expectation, passed, report
from tools.many import AXES, many, shards

CELLS = tuple(f"it:{axes}" for axes in AXES)
WHOLE = many(700)
PARTS = shards(WHOLE, 3)
UNEVEN = Weights({cell: place % 37 * (place % 5) + 1 for place, cell in enumerate(CELLS)})


def loads(cells: tuple[str, ...], count: int, weighed: Weights) -> list[int]:
    taken = [0] * count
    for one, number in zip(cells, partition(cells, count, weighed), strict=True):
        taken[number - 1] += weighed.of(one)
    return taken


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50, 1000])
def test_every_cell_is_in_one_shard_and_shards_are_balanced(count: int) -> None:
    for weighed in (Weights(), UNEVEN):
        assert set(partition(CELLS, count, weighed)) <= set(range(1, count + 1))
        taken = loads(CELLS, count, weighed)
        assert max(taken) - min(taken) <= max(weighed.of(one) for one in CELLS)


def test_longest_cells_go_first_to_the_shortest_shard() -> None:
    cells = tuple(cell(f"MASK-0{number}") for number in range(1, 7))
    weighed = Weights(dict(zip(cells, (8, 7, 6, 5, 4, 2), strict=True)))
    one, other, *rest = partition(cells, 2, weighed)
    assert {one, other} == {1, 2}
    assert rest == [other, one, one, other]


def test_the_partition_is_deterministic() -> None:
    assert partition(CELLS[:12], 4, Weights()) == partition(CELLS[:12], 4, Weights(dict.fromkeys(CELLS, 1)))
    assert "".join(map(str, partition(CELLS[:12], 4, UNEVEN))) == EVERYWHERE


EVERYWHERE = "332223131433"


def test_ties_are_broken_by_id_in_any_order_of_cells() -> None:
    forth = dict(zip(CELLS, partition(CELLS, 5, UNEVEN), strict=True))
    back = dict(zip(CELLS[::-1], partition(CELLS[::-1], 5, UNEVEN), strict=True))
    assert forth == back


def test_leftover_cells_of_many_sparsifiers_are_spread() -> None:
    first = {partition((cell(name=f"it-{number}"),), 3, Weights())[0] for number in range(20)}
    assert first == {1, 2, 3}


def test_unknown_cells_have_the_median_duration(tmp_path: Path) -> None:
    seconds = (0.0, 0.0, 0.0, 0.001, 0.002, 5.0)
    records = [replace(one, seconds=took) for one, took in zip(passed(*CELLS[:6]), seconds, strict=True)]
    write(report(records), tmp_path / "report.jsonl")
    weighed = read_weights(tmp_path / "report.jsonl")
    assert [weighed.of(one) for one in CELLS[:7]] == [1, 1, 1, 10, 20, 50_000, 20]
    assert read_weights(None) == Weights()
    assert weights(()).of("it") == 1


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/3/3", "a/3", "1/ 3", "1/3\n", "\u0661/3"])
def test_an_invalid_shard_is_refused(text: str) -> None:
    with pytest.raises(InvalidShard, match=r"is not a shard\. Write K/N"):
        Shard.parse(text)
    assert CliRunner().invoke(main, ["run", "exemplar", "--shard", text]).exit_code == 2


def test_merged_shards_equal_the_whole_run() -> None:
    assert merge(PARTS) == WHOLE
    assert merge(PARTS[::-1]) == WHOLE
    assert merge(shards(WHOLE, 1)) == WHOLE
    uneven = weights(WHOLE.records)
    assert merge(shards(WHOLE, 4, uneven)) == WHOLE
    assert shards(WHOLE, 4, uneven) != shards(WHOLE, 4)


Change = Callable[[Report], Report]


def header(**fields: object) -> Change:
    return lambda one: Report(replace(one.header, **fields), one.records, one.footer)


def subject(**fields: object) -> Change:
    """Change the first subject."""
    def change(one: Report) -> Report:
        first, *others = one.header.subjects
        return header(subjects=(replace(first, **fields), *others))(one)

    return change


def misplaced(one: Report) -> Report:
    """Swap the first two cells."""
    planned = one.header.subjects[0].planned
    return subject(planned=(planned[1], planned[0], *planned[2:]))(one)


FEWER = tuple(subject for subject in PARTS[1].header.subjects[:-1])
LACKING = PARTS[1].header.subjects[-1].sparsifier
LEDGER = PARTS[1].header.subjects[0].share
assert LEDGER is not None


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (header(shard=""), NotAShard, "one of the reports is of a whole run; merge takes"),
        (header(shard="2"), NotAShard, "one of the reports is not of a shard: '2' is not"),
        (header(shard="1/3"), DuplicateShard, "shard 1/3 is in two of the reports"),
        (header(catalogue=99), CatalogueMismatch, "by another catalogue than shard 1/3 (99 and 4)"),
        (header(sparsecheck="9"), CatalogueMismatch, "shard 2/3 was judged by sparsecheck 9, shard 1/3 by "),
        (header(shard="2/4"), PlanMismatch, "shard 2/4 and shard 1/3 belong to different plans"),
        (header(selection=Selection(("MASK",))), PlanMismatch, "shard 2/3 ran with another selection"),
        (header(subjects=FEWER), SubjectMismatch, f"other sparsifiers than shard 1/3: {LACKING}"),
        (header(subjects=(*FEWER, FEWER[0])), SubjectMismatch, f"other sparsifiers than shard 1/3: {LACKING}"),
        (subject(declaration=declaration(version="2")), SubjectMismatch, "shard 2/3 has another declaration"),
        (subject(declaration=None, problem="gone"), SubjectMismatch, "could not be judged in shard 2/3: gone"),
        (subject(expected=(expectation(id="wrong-output").value,)), SubjectMismatch,
         "shard 2/3 has other expectations than shard 1/3: defect wrong-output"),
        (subject(environment=environment("2.10.0")), EnvironmentMismatch, "torch 2.13.0+cpu and 2.10.0"),
        (subject(share=replace(LEDGER, ledger="other")), PlanMismatch, "shard 2/3 belongs to another plan than shard"),
        (subject(share=None), PlanMismatch, "shard 2/3 does not say which part of the plan it is"),
        (subject(planned=()), PlanMismatch, "shard 2/3 does not say which part of the plan it is"),
        (subject(planned=(), share=Share(LEDGER.ledger, ())), PlanMismatch, "do not add up to the plan that they name"),
        (misplaced, PlanMismatch, "do not add up to the plan that they name"),
    ],
)
def test_reports_that_are_not_of_one_run_are_refused(change: Change, error: type[Unmergeable], said: str) -> None:
    with pytest.raises(error) as raised:
        merge([PARTS[0], change(PARTS[1]), PARTS[2]])
    assert type(raised.value) is error
    assert said in str(raised.value)


def test_shards_of_a_release_and_of_a_checkout_are_refused() -> None:
    release, elsewhere, checkout = (
        subject(origin=Origin("acme", "1.5", *rest)) for rest in (("/a.py",), ("/b.py",), ("/a.py", "checkout"))
    )
    merge([release(PARTS[0]), elsewhere(PARTS[1]), PARTS[2]])
    said = r"shard 2/3 judged acme 1.5 \(checkout\), shard 1/3 acme 1.5 \(installed release\)"
    with pytest.raises(SubjectMismatch, match=said):
        merge([release(PARTS[0]), checkout(PARTS[1]), release(PARTS[2])])


def test_shards_of_other_code_are_refused_and_what_differs_is_named() -> None:
    states = subject(origin=Origin("acme", "1.5", "/a.py"), fingerprint=Fingerprint("aa" * 32, "bb" * 32, "cc" * 32))
    good = [states(part) for part in PARTS]
    assert merge(good).header.subjects[0].fingerprint == Fingerprint("aa" * 32, "bb" * 32, "cc" * 32)
    other = subject(origin=Origin("acme", "1.5", "/a.py"), fingerprint=Fingerprint("dd" * 32, "bb" * 32))
    said = r"shard 2/3 was judged with other files than shard 1/3: the code of acme \(dddddddd and aaaaaaaa\), " \
           r"the expectation file \(none and cccccccc\)$"
    with pytest.raises(SubjectMismatch, match=said):
        merge([good[0], other(PARTS[1]), good[2]])
    with pytest.raises(SubjectMismatch, match=r"shard 3/3 .*: only one of both states which code it judged"):
        merge([*good[:2], PARTS[2]])
    sparsecheck = header(code="ee" * 32)
    with pytest.raises(CatalogueMismatch, match=r"shard 2/3 .* other code of sparsecheck .* \(eeeeeeee and none\)"):
        merge([PARTS[0], sparsecheck(PARTS[1]), PARTS[2]])


def test_a_missing_shard_is_named() -> None:
    with pytest.raises(MissingShard, match=r"^shard 2/3 is missing; merge takes all 3 at once$"):
        merge([PARTS[0], PARTS[2]])
    with pytest.raises(MissingShard, match=r"^shard 1/3 and 1 more are missing"):
        merge(PARTS[2:])


def test_shards_balanced_by_other_durations_are_refused() -> None:
    others = shards(WHOLE, 3, weights(WHOLE.records))
    with pytest.raises(PlanMismatch, match="the same --durations"):
        merge([PARTS[0], others[1], PARTS[2]])


def test_records_missing_from_a_shard_are_missing_from_the_merged_report() -> None:
    cut = Report(PARTS[1].header, PARTS[1].records[1:], Footer((), "by the user"))
    merged = merge([PARTS[0], cut, PARTS[2]])
    assert merged.footer is not None
    assert merged.footer.interrupted == "shard 2/3: by the user"
    assert exit_code(merged) == 3
    assert len(merged.balance(merged.header.subjects[0]).missing) == 1


def alone(*records: Record, planned: list[str] | None = None) -> Report:
    """Return a report of one shard of one sparsifier."""
    plain = report(records, planned, shard="1/2")
    [subject] = plain.header.subjects
    subjects = (replace(subject, share=Share("", tuple(range(len(subject.planned))))),)
    partial = Report(replace(plain.header, subjects=subjects), plain.records, None)
    return Report(partial.header, partial.records, Footer(partial.outcomes()))


@pytest.mark.parametrize(
    ("one", "result", "code"),
    [
        (alone(*passed(cell(), cell("SMOKE-01"))), "selection", 0),
        (alone(Record(cell(), Verdict.KNOWN, reason="It was so.")), "selection", 0),
        (alone(Record(cell(), Verdict.UNAVAILABLE)), "selection", 0),
        (alone(), "selection", 0),
        (alone(Record(cell(), Verdict.FAILED)), "red", 1),
        (alone(planned=[cell()]), "red", 3),
    ],
)
def test_a_shard_alone_is_judged_as_a_selection(tmp_path: Path, one: Report, result: str, code: int) -> None:
    assert [outcome.result for outcome in one.outcomes()] == [result]
    assert exit_code(one) == code
    write(one, tmp_path / "report.jsonl")
    shown = CliRunner().invoke(main, ["report", str(tmp_path / "report.jsonl")])
    assert shown.exit_code == code
    assert "Only shard 1/2 was judged" in shown.output
    assert "NOTHING" not in shown.output


def test_a_shard_is_never_accepted_as_a_whole_run(tmp_path: Path) -> None:
    with pytest.raises(ReportMismatch, match="of different shards"):
        join(PARTS)
    with pytest.raises(UnmergedShard, match="covers only shard 1/3 of its run"):
        tabulate(PARTS[:1])
    write(PARTS[0], tmp_path / "1.jsonl")
    expect = CliRunner().invoke(main, ["expect", str(tmp_path / "1.jsonl")])
    assert expect.exit_code == 2
    assert "covers only shard 1/3 of its run" in expect.output


def merged(folder: Path, *arguments: str) -> Result:
    files = [str(file) for file in sorted(folder.glob("[1-3].jsonl"))]
    return CliRunner().invoke(main, ["merge", *files, "--to", str(folder / "all.jsonl"), *arguments])


def test_merge_needs_all_shards_or_writes_nothing(tmp_path: Path) -> None:
    for number, part in enumerate(PARTS[:2], 1):
        write(part, tmp_path / f"{number}.jsonl")
    lacking = merged(tmp_path)
    assert (lacking.exit_code, lacking.output) == (2, "sparsecheck: shard 3/3 is missing; merge takes all 3 at once\n")
    assert not (tmp_path / "all.jsonl").exists()
    write(PARTS[2], tmp_path / "3.jsonl")
    assert merged(tmp_path).exit_code == 0
    assert read(tmp_path / "all.jsonl") == WHOLE
    assert merged(tmp_path, "--require", "nobody").exit_code == 2
    write(Report(PARTS[2].header, PARTS[2].records, None), tmp_path / "3.jsonl")
    assert merged(tmp_path).exit_code == 3


def test_durations_without_a_shard_are_bad_usage(tmp_path: Path) -> None:
    write(WHOLE, tmp_path / "report.jsonl")
    assert CliRunner().invoke(main, ["run", "exemplar", "--durations", str(tmp_path / "report.jsonl")]).exit_code == 2


def judged(one: Report) -> tuple[dict[str, Verdict], list[Subject], object]:
    return {record.cell: record.verdict for record in one.records}, list(one.header.subjects), one.outcomes()


def test_a_sharded_run_has_the_verdicts_of_the_whole_run(tmp_path: Path) -> None:
    asked = ("exemplar", "torch-ao-fake-sparsity", "--area", "SMOKE", "--area", "REG")
    whole = run(tmp_path, *asked)
    assert whole.report is not None, whole.output
    durations = (tmp_path / "out.jsonl").rename(tmp_path / "durations.jsonl")
    for number in (1, 2):
        workers = ("-n", "2") if number == 2 else ()
        ended = run(tmp_path, *asked, "--shard", f"{number}/2", "--durations", str(durations), *workers)
        assert ended.code == 0, ended.output
        assert f"Only shard {number}/2 was judged" in ended.output
        (tmp_path / "out.jsonl").rename(tmp_path / f"{number}.jsonl")
    assert merged(tmp_path).exit_code == whole.code == 0
    assert judged(read(tmp_path / "all.jsonl")) == judged(whole.report)


def test_an_empty_shard_judges_nothing(tmp_path: Path) -> None:
    codes = []
    asked = ("--cell", "exemplar:MASK-01/linear/given/float32/cpu", "--require", "exemplar")
    for number in (1, 2):
        ended = run(tmp_path, "exemplar", *asked, "--shard", f"{number}/2")
        codes.append(ended.code)
        (tmp_path / "out.jsonl").rename(tmp_path / f"{number}.jsonl")
    assert codes == [0, 0]
    assert sorted(len(read(tmp_path / f"{number}.jsonl").records) for number in (1, 2)) == [0, 1]
    assert merged(tmp_path).exit_code == 0
