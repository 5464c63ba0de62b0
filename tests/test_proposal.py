"""What a run saw becomes the expectations that would make it green: as few as do not cover what is sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from sparsecheck.features.expect.proposal import Proposal, Seen, boxes, propose, seen
from sparsecheck.report.expectation import Expectation
from sparsecheck.values.cell import Cell
from sparsecheck.values.record import Record, Verdict
from tests.samples import declaration, environment

KIND = "mask-differs: mask of layer1.weight differs at 3 of 8 entries"
RAISED = "RuntimeError: expected 3 rows"


def at(axes: str, name: str = "it") -> Cell:
    """A cell from `layer/dtype` and, where it is not MASK-01, the requirement before it."""
    *id, layer, dtype = axes.split("/")
    return Cell(name, id[0] if id else "MASK-01", layer, "given", dtype, "cpu")


def run(failing: Mapping[str, str], sound: str = "", name: str = "it", version: str = "1.5") -> Seen:
    """What a run of one sparsifier saw. sound: cells, space separated."""
    return Seen(
        declaration(name=name, version=version), environment(),
        {at(axes, name): signature for axes, signature in failing.items()},
        tuple(at(axes, name) for axes in sound.split()),
    )


def known(**fields: Any) -> Expectation:
    """One that explains `KIND` in MASK-01; `fields` replace its own."""
    plain = {"sparsifiers": ("it",), "requirement": "MASK-01", "reason": "It is so.", "signature": "mask-differs"}
    return Expectation(**{**plain, **fields})


def added(proposal: Proposal) -> list[dict[str, Any]]:
    """The fields of what is added, but for its sparsifiers and its reason."""
    fields = ("requirement", "signature", "layer", "pattern", "dtype", "device")
    return [
        {name: value for name in fields if (value := getattr(entry, name))} for entry in proposal.added
    ]


def holds(proposal: Proposal, runs: tuple[Seen, ...]) -> bool:
    """Whether what is proposed explains all that failed and covers nothing sound."""
    for one in runs:
        entries = [entry for entry in proposal.entries if one.declaration.sparsifier in entry.sparsifiers]
        for cell, signature in one.failing.items():
            if not any(entry.covers(cell) and entry.explains(signature) for entry in entries):
                return False
        if any(entry.covers(cell) for entry in entries for cell in one.sound):
            return False
    return True


@pytest.mark.parametrize(
    ("failing", "sound", "expected"),
    [
        ({}, "linear/float32", []),
        ({"linear/float32": KIND}, "", [{}]),
        ({"linear/float32": KIND, "conv2d/float32": KIND}, "", [{}]),
        ({"linear/float32": KIND}, "conv2d/float32", [{"layer": ("linear",)}]),
        ({"linear/float32": KIND}, "linear/float64", [{"dtype": ("float32",)}]),
        ({"linear/float32": KIND}, "MASK-02/linear/float32", [{}]),
        ({"linear/float32": KIND, "conv2d/float32": KIND}, "mixed/float32", [{"layer": ("linear", "conv2d")}]),
        (
            {"linear/float32": KIND, "conv2d/float64": KIND}, "linear/float64 conv2d/float32",
            [{"layer": ("linear",), "dtype": ("float32",)}, {"layer": ("conv2d",), "dtype": ("float64",)}],
        ),
    ],
)
def test_what_failed_gets_as_few_entries_as_cover_nothing_sound(
    failing: dict[str, str], sound: str, expected: list[dict[str, Any]]
) -> None:
    seen_here = run(failing, sound)
    proposal = propose((), [seen_here])
    plain = {"requirement": "MASK-01", "signature": "mask-differs"}
    assert added(proposal) == [{**plain, **axes} for axes in expected]
    assert holds(proposal, (seen_here,))


def test_each_kind_of_failure_gets_an_entry_that_does_not_cover_the_other() -> None:
    one = run({"linear/float32": KIND, "conv2d/float32": RAISED})
    assert added(propose((), [one])) == [
        {"requirement": "MASK-01", "signature": "mask-differs", "layer": ("linear",)},
        {"requirement": "MASK-01", "signature": r"RuntimeError: expected \d+ rows", "layer": ("conv2d",)},
    ]


@pytest.mark.parametrize(
    ("messages", "signature"),
    [
        (["expected 3 rows", "expected 4 rows"], "RuntimeError: expected"),
        (["expected 3 rows (or 4)"], r"RuntimeError: expected \d+ rows \(or \d+\)"),
        (["one", "two"], "RuntimeError"),
        ([""], "RuntimeError"),
        (["weight1 is lost"], "RuntimeError: weight1 is lost"),
        (["weight: lost"], "RuntimeError: weight: lost"),
        (["expected 3", "expected 3 rows"], r"RuntimeError: expected \d+"),
        ([" odd", " odd"], "RuntimeError: odd"),
    ],
)
def test_an_exception_is_expected_by_the_words_that_all_its_messages_begin_with(
    messages: list[str], signature: str
) -> None:
    layers = ("linear", "conv2d")
    one = run({f"{layer}/float32": f"RuntimeError: {text}" for layer, text in zip(layers, messages, strict=False)})
    [entry] = propose((), [one]).added
    assert entry.signature == signature
    assert all(entry.explains(text) for text in one.failing.values())


def test_exceptions_that_no_entry_can_have_together_are_expected_each_by_its_words() -> None:
    one = run(
        {"linear/float32": "RuntimeError: one", "conv2d/float64": "RuntimeError: two"}, "linear/float64 conv2d/float32"
    )
    assert [entry.signature for entry in propose((), [one]).added] == ["RuntimeError: one", "RuntimeError: two"]


def test_what_is_added_is_for_a_human_to_explain() -> None:
    [entry] = propose((), [run({"linear/float32": KIND})]).added
    assert entry.reason.startswith("UNEXPLAINED")


def test_sparsifiers_that_fail_alike_share_an_entry() -> None:
    runs = [run({"linear/float32": KIND}, name=name) for name in ("it", "other")]
    assert [entry.sparsifiers for entry in propose((), runs).added] == [("it", "other")]


@pytest.mark.parametrize("axes", [{}, {"layer": ("linear", "conv2d")}])
def test_an_entry_that_explains_what_failed_stays_as_it_is(axes: dict[str, Any]) -> None:
    entry = known(link="https://x.y/1", torch=">=2", until=">=2", **axes)
    assert propose([entry], [run({"linear/float32": KIND})]) == Proposal(((entry,),), ())


def test_an_entry_is_narrowed_to_what_still_fails() -> None:
    entry = known(link="https://x.y/1")
    proposal = propose([entry], [run({"linear/float32": KIND}, "conv2d/float32")])
    assert proposal == Proposal(((replace(entry, layer=("linear",)),),), ())


def test_an_entry_on_every_requirement_is_narrowed_to_those_that_still_fail() -> None:
    entry = known(requirement="*", dtype=("float32",))
    proposal = propose([entry], [run({"linear/float32": KIND}, "MASK-02/linear/float32")])
    assert [row.requirement for row in proposal.revised[0]] == ["MASK-01"]
    assert proposal.added == ()


@pytest.mark.parametrize("sound", ["linear/float32", "linear/float32 conv2d/float32"])
def test_an_entry_of_which_nothing_is_left_goes(sound: str) -> None:
    assert propose([known()], [run({}, sound)]) == Proposal(((),), ())


def test_an_entry_that_no_longer_explains_gives_way_to_one_that_does() -> None:
    proposal = propose([known(signature="aliased")], [run({"linear/float32": KIND})])
    assert proposal.revised == ((),)
    assert added(proposal) == [{"requirement": "MASK-01", "signature": "mask-differs"}]


@pytest.mark.parametrize(
    "fields",
    [{"requirement": "MASK-99"}, {"device": ("cuda",)}, {"torch": "<2"}, {"version": ">=2"}, {"platform": "win"}],
)
def test_an_entry_of_which_the_run_says_nothing_stays(fields: dict[str, Any]) -> None:
    entry = known(**fields)
    assert propose([entry], [run({}, "linear/float32")]) == Proposal(((entry,),), ())


def test_an_entry_stays_though_something_else_failed() -> None:
    entry = known(requirement="MASK-99")
    proposal = propose([entry], [run({"linear/float32": KIND})])
    assert proposal.revised == ((entry,),)
    assert added(proposal) == [{"requirement": "MASK-01", "signature": "mask-differs"}]


def test_an_entry_explains_nothing_on_other_axes() -> None:
    proposal = propose([known(layer=("linear",))], [run({"linear/float32": KIND, "conv2d/float32": KIND})])
    assert len(proposal.added) == 1


def test_an_entry_about_another_sparsifier_explains_nothing() -> None:
    proposal = propose([known(sparsifiers=("other",))], [run({"linear/float32": KIND})])
    assert [entry.sparsifiers for entry in proposal.added] == [("it",)]


def test_an_entry_stays_for_a_sparsifier_that_was_not_judged() -> None:
    entry = known(sparsifiers=("it", "other"))
    assert propose([entry], [run({}, "linear/float32")]).revised == ((known(sparsifiers=("other",)),),)


def test_an_entry_is_divided_where_sparsifiers_differ() -> None:
    runs = [run({"linear/float32": KIND}, "conv2d/float32"), run({"linear/float32": KIND}, name="other")]
    proposal = propose([known(sparsifiers=("it", "other"))], runs)
    assert proposal.revised == ((known(layer=("linear",)), known(sparsifiers=("other",))),)
    assert holds(proposal, tuple(runs))


def test_an_entry_that_does_not_hold_here_explains_nothing_here() -> None:
    proposal = propose([known(torch="<2")], [run({"linear/float32": KIND})])
    assert len(proposal.added) == 1


@pytest.mark.parametrize(
    ("verdict", "failing", "sound"),
    [
        (Verdict.FAILED, True, False),
        (Verdict.KNOWN, True, False),
        (Verdict.PASSED, False, True),
        (Verdict.REFUSED, False, True),
        (Verdict.STALE, False, True),
        (Verdict.UNAVAILABLE, False, False),
        (Verdict.ERROR, False, False),
    ],
)
def test_a_run_saw_what_was_judged_expectations_aside(verdict: Verdict, failing: bool, sound: bool) -> None:
    cell = at("linear/float32")
    saw = seen(declaration(), environment(), [cell.id], [Record(cell.id, verdict, KIND)])
    assert (cell in saw.failing, cell in saw.sound) == (failing, sound)


def test_a_run_saw_nothing_of_what_was_never_judged() -> None:
    saw = seen(declaration(), environment(), [at("linear/float32").id], [])
    assert (saw.failing, saw.sound) == ({}, ())


def test_what_was_seen_is_in_the_plans_order_whatever_the_records_are_in() -> None:
    cells = [at("linear/float32"), at("conv2d/float32"), at("mixed/float32")]
    records = [Record(cell.id, Verdict.FAILED, KIND) for cell in cells]
    saw = seen(declaration(), environment(), [cell.id for cell in cells], records[::-1])
    assert list(saw.failing) == cells


def test_boxes_hold_all_and_avoid_all_on_every_division_of_nine_cells() -> None:
    nine = [at(f"{layer}/{dtype}") for layer in ("linear", "conv2d", "mixed") for dtype in ("a", "b", "c")]
    for number in range(2 ** len(nine)):
        inside = [cell for position, cell in enumerate(nine) if number >> position & 1]
        avoid = [cell for cell in nine if cell not in inside]
        found = [known(**box) for box in boxes(inside, avoid)]
        assert all(any(entry.covers(cell) for entry in found) for cell in inside)
        assert not any(entry.covers(cell) for entry in found for cell in avoid)
