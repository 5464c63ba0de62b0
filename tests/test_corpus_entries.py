"""The entries of an expectation file find the programs that fail by their signatures."""

from sparsecheck.features.expect.seen import Seen
from sparsecheck.report.expectation_file import parse_entries
from sparsecheck.values.cell import Cell
from tests.samples import declaration, environment
from tools.corpus.entries import renew

TEXT = """\
[[defect]]
id = "keeps-one"
sparsifiers = ["one", "two"]
cells = ["MASK-01", "WALK-01"]
signatures = ['count-differs: step .* removes \\d+ of \\d+ units, expected \\d+ (at most 1 of 1 units)']
reason = "It keeps one."

[[defect]]
id = "keeps-another"
sparsifiers = ["two"]
cells = ["WALK-01/walk-002"]
signatures = ['count-differs: step 3, update: .* removes \\d+ of \\d+ units, expected \\d+ (at most 1 of 1 units)']
reason = "It keeps another."

[[defect]]
id = "is-gone"
sparsifiers = ["one"]
cells = ["WALK-01/walk-009"]
signatures = ["crashed: step .* raises RuntimeError: gone"]
reason = "It was."
"""
COUNT = "count-differs: step 3, update: mask of a removes 1 of 4 units, expected 2"


def seen(name: str, **failing: str) -> Seen:
    cells = {Cell(name, "WALK-01", f"walk-{number[1:]}", "offered", "offered", "cpu"): one
             for number, one in failing.items()}
    return Seen(declaration(name=name), environment(), cells, ())


def test_entries_take_over_the_programs_that_fail_by_their_signatures() -> None:
    renewed = renew(TEXT, "it.toml", [seen("one", p001=COUNT), seen("two", p001=COUNT, p002=COUNT)])
    kept = {entry.id: entry.cells for entry in parse_entries(renewed.text, "it.toml")}
    assert kept == {"keeps-one": ("MASK-01", "WALK-01/walk-001"), "keeps-another": ("WALK-01/walk-002",)}
    assert not renewed.unexplained
    assert renewed.counts[("keeps-one", "one")] == 1


def test_failures_that_no_entry_explains_are_told() -> None:
    renewed = renew(TEXT, "it.toml", [seen("one", p001="crashed: step 2, forward raises ValueError: new", p002=COUNT)])
    [(cell, _, count)] = renewed.unexplained
    assert (cell, count) == ("one:WALK-01/walk-001/offered/offered/cpu", 1)


def test_entries_keep_the_programs_of_sparsifiers_that_were_not_judged() -> None:
    text = TEXT.replace('["MASK-01", "WALK-01"]', '["two:WALK-01/walk-003"]')
    renewed = renew(text, "it.toml", [seen("one", p004=COUNT)])
    assert parse_entries(renewed.text, "it.toml")[0].cells == ("two:WALK-01/walk-003", "one:WALK-01/walk-004")
