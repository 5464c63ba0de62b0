"""Proposed expectations make a run green, with as few entries as possible that cover no sound cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from sparsecheck.features.expect.proposal import Proposal, propose
from sparsecheck.features.expect.scope import boxes, scope
from sparsecheck.features.expect.seen import Seen, seen
from sparsecheck.report.expectation import Expectation
from sparsecheck.values.cell import Cell
from sparsecheck.values.record import Record, Verdict
from tests.samples import declaration, environment, expectation

KIND = "mask-differs: mask of layer1.weight differs at 3 of 8 entries"
NARROW = r"mask-differs: mask of layer1\.weight differs at \d+ of \d+ entries (at most 3 of 8)"
EXPECTED = "mask-differs: mask of layer1.* (at most 3 of 8)"
RAISED = "RuntimeError: expected 3 rows"


def at(axes: str, name: str = "it") -> Cell:
    """Return a cell from `layer/dtype`, preceded by the requirement if it is not MASK-01."""
    *id, layer, dtype = axes.split("/")
    return Cell(name, id[0] if id else "MASK-01", layer, "given", dtype, "cpu")


def run(failing: Mapping[str, str], sound: str = "", name: str = "it", version: str = "1.5") -> Seen:
    """Return the observations of a run of one sparsifier; `sound` are cells that passed, separated by spaces."""
    return Seen(
        declaration(name=name, version=version), environment(),
        {at(axes, name): signature for axes, signature in failing.items()},
        tuple(at(axes, name) for axes in sound.split()),
    )


def known(**fields: Any) -> Expectation:
    """Return an expectation that explains `KIND`; `fields` replace its own."""
    return expectation(**{"id": "known", "signature": EXPECTED, **fields})


def added(proposal: Proposal) -> list[dict[str, Any]]:
    """Return the fields of the added entries, without ids, sparsifiers and reasons."""
    fields = ("requirements", "cells", "signatures", "layer", "pattern", "dtype", "device")
    return [
        {name: value for name in fields if (value := getattr(entry, name))} for entry in proposal.added
    ]


def holds(proposal: Proposal, runs: tuple[Seen, ...]) -> bool:
    """Return whether the proposed entries explain every failure and cover no sound cell."""
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
        ({"linear/float32": KIND, "MASK-02/linear/float32": KIND}, "", [{"requirements": ("MASK-01", "MASK-02")}]),
        (
            {"linear/float32": KIND, "conv2d/float64": KIND}, "linear/float64 conv2d/float32",
            [{"cells": ("MASK-01/linear/*/float32", "MASK-01/conv2d/*/float64")}],
        ),
        (
            {"linear/float32": KIND, "MASK-02/linear/float64": KIND}, "linear/float64",
            [{"cells": ("MASK-01/*/*/float32", "MASK-02")}],
        ),
    ],
)
def test_failures_of_one_cause_get_one_entry_that_covers_nothing_sound(
    failing: dict[str, str], sound: str, expected: list[dict[str, Any]]
) -> None:
    seen_here = run(failing, sound)
    proposal = propose((), [seen_here])
    signatures = {"signatures": (NARROW,)}
    scopes = [{} if "cells" in axes else {"requirements": ("MASK-01",)} for axes in expected]
    assert added(proposal) == [{**plain, **signatures, **axes} for plain, axes in zip(scopes, expected, strict=True)]
    assert holds(proposal, (seen_here,))


def test_each_kind_of_failure_gets_an_entry_that_does_not_cover_the_other() -> None:
    one = run({"linear/float32": KIND, "conv2d/float32": RAISED})
    assert added(propose((), [one])) == [
        {"requirements": ("MASK-01",), "signatures": (NARROW,), "layer": ("linear",)},
        {"requirements": ("MASK-01",), "signatures": (r"RuntimeError: expected \d+ rows",), "layer": ("conv2d",)},
    ]


def test_each_cause_gets_an_id_of_its_own() -> None:
    one = run({"linear/float32": "RuntimeError: one", "conv2d/float64": "RuntimeError: two", "mixed/float16": KIND})
    entries = propose([known(id="mask-differs-mask-01", requirement="MASK-99")], [one]).added
    ids = ["runtimeerror-mask-01", "runtimeerror-mask-01-2", "mask-differs-mask-01-2"]
    assert [entry.id for entry in entries] == ids


def test_an_added_entry_needs_a_reason_from_a_person() -> None:
    [entry] = propose((), [run({"linear/float32": KIND})]).added
    assert entry.reason.startswith("UNEXPLAINED")


def test_sparsifiers_with_the_same_failures_share_an_entry() -> None:
    runs = [run({"linear/float32": KIND}, name=name) for name in ("it", "other")]
    assert [entry.sparsifiers for entry in propose((), runs).added] == [("it", "other")]


@pytest.mark.parametrize("axes", [{}, {"layer": ("linear", "conv2d")}])
def test_an_entry_that_explains_the_failures_is_kept(axes: dict[str, Any]) -> None:
    entry = known(link="https://x.y/1", torch=">=2", until=">=2", **axes)
    assert propose([entry], [run({"linear/float32": KIND})]) == Proposal(((entry,),), ())


def test_an_entry_is_narrowed_to_the_cells_that_still_fail() -> None:
    entry = known(link="https://x.y/1")
    proposal = propose([entry], [run({"linear/float32": KIND}, "conv2d/float32")])
    assert proposal == Proposal(((replace(entry, layer=("linear",)),),), ())


def test_a_narrowed_entry_stays_one_entry() -> None:
    entry = known(requirements=("MASK-01", "MASK-02"), link="https://x.y/1")
    failing = {"linear/float32": KIND, "conv2d/float64": KIND, "MASK-02/linear/float32": KIND}
    one = run(failing, "linear/float64 conv2d/float32 MASK-02/conv2d/float32")
    proposal = propose([entry], [one])
    [[narrowed]] = proposal.revised
    assert (narrowed.id, narrowed.requirements, narrowed.link) == ("known", (), "https://x.y/1")
    assert holds(proposal, (one,))


@pytest.mark.parametrize("axes", [{"requirement": "*", "dtype": ("float32",)}, {"requirement": "MASK-*"}])
def test_an_entry_on_many_requirements_is_narrowed_to_those_that_still_fail(axes: dict[str, Any]) -> None:
    proposal = propose([known(**axes)], [run({"linear/float32": KIND}, "MASK-02/linear/float32")])
    assert [row.requirements for row in proposal.revised[0]] == [("MASK-01",)]
    assert proposal.added == ()


def test_a_requirement_that_passes_again_is_removed_from_the_entry() -> None:
    entry = known(requirements=("MASK-01", "MASK-02"))
    proposal = propose([entry], [run({"linear/float32": KIND}, "MASK-02/linear/float32")])
    assert proposal == Proposal(((replace(entry, requirements=("MASK-01",)),),), ())


def test_a_defect_that_has_grown_gets_a_new_entry() -> None:
    entry = known(signature="mask-differs: mask of layer1.* (at most 2 of 8)")
    proposal = propose([entry], [run({"linear/float32": KIND})])
    assert [row for row in proposal.revised if row] == []
    assert added(proposal) == [{"requirements": ("MASK-01",), "signatures": (NARROW,)}]


@pytest.mark.parametrize("sound", ["linear/float32", "linear/float32 conv2d/float32"])
def test_an_entry_without_failing_cells_is_deleted(sound: str) -> None:
    assert propose([known()], [run({}, sound)]) == Proposal(((),), ())


def test_an_entry_that_no_longer_explains_is_replaced() -> None:
    proposal = propose([known(signature="aliased: state.layer1")], [run({"linear/float32": KIND})])
    assert proposal.revised == ((),)
    assert added(proposal) == [{"requirements": ("MASK-01",), "signatures": (NARROW,)}]


@pytest.mark.parametrize(
    "fields",
    [{"requirement": "MASK-99"}, {"device": ("cuda",)}, {"torch": "<2"}, {"version": ">=2"}, {"platform": "win"}],
)
def test_an_entry_on_which_the_run_is_silent_is_kept(fields: dict[str, Any]) -> None:
    entry = known(**fields)
    assert propose([entry], [run({}, "linear/float32")]) == Proposal(((entry,),), ())


def test_an_entry_is_kept_if_something_else_failed() -> None:
    entry = known(requirement="MASK-99")
    proposal = propose([entry], [run({"linear/float32": KIND})])
    assert proposal.revised == ((entry,),)
    assert added(proposal) == [{"requirements": ("MASK-01",), "signatures": (NARROW,)}]


def test_an_entry_explains_nothing_on_other_axes() -> None:
    proposal = propose([known(layer=("linear",))], [run({"linear/float32": KIND, "conv2d/float32": KIND})])
    assert len(proposal.added) == 1


def test_an_entry_about_another_sparsifier_explains_nothing() -> None:
    proposal = propose([known(sparsifiers=("other",))], [run({"linear/float32": KIND})])
    assert [entry.sparsifiers for entry in proposal.added] == [("it",)]


def test_an_entry_is_kept_for_a_sparsifier_that_was_not_judged() -> None:
    entry = known(sparsifiers=("it", "other"))
    assert propose([entry], [run({}, "linear/float32")]).revised == ((known(sparsifiers=("other",)),),)


def test_an_entry_stays_one_if_its_sparsifiers_fail_in_the_same_way() -> None:
    runs = [run({"linear/float32": KIND}, "conv2d/float32"), run({"linear/float32": KIND}, name="other")]
    proposal = propose([known(sparsifiers=("it", "other"))], runs)
    assert proposal.revised == ((known(layer=("linear",), sparsifiers=("it", "other")),),)
    assert holds(proposal, tuple(runs))


def test_cells_name_their_sparsifier_if_they_are_sound_in_another() -> None:
    runs = [
        run({"linear/float32": KIND}, "conv2d/float32"),
        run({"linear/float32": KIND, "conv2d/float32": KIND}, name="other"),
    ]
    proposal = propose([known(sparsifiers=("it", "other"))], runs)
    cells = ("it:MASK-01/linear", "other:MASK-01")
    assert proposal.revised == ((known(sparsifiers=("it", "other"), requirements=(), cells=cells),),)
    assert holds(proposal, tuple(runs))


def test_one_cause_in_several_sparsifiers_is_one_entry() -> None:
    runs = [
        run({"linear/float32": KIND}, name="it"),
        run({"linear/float32": KIND, "conv2d/float32": KIND}, name="other"),
        run({"linear/float32": KIND}, "conv2d/float32", name="third"),
    ]
    proposal = propose((), runs)
    assert [(entry.sparsifiers, entry.cells) for entry in proposal.added] == [
        (("it", "other", "third"), ("it:MASK-01", "other:MASK-01", "third:MASK-01/linear")),
    ]
    assert holds(proposal, tuple(runs))


def test_an_entry_whose_conditions_do_not_hold_explains_nothing() -> None:
    proposal = propose([known(torch="<2")], [run({"linear/float32": KIND})])
    assert len(proposal.added) == 1


@pytest.mark.parametrize(
    ("verdict", "failing", "sound"),
    [
        (Verdict.FAILED, True, False),
        (Verdict.KNOWN, True, False),
        (Verdict.PASSED, False, True),
        (Verdict.REFUSED, False, True),
        (Verdict.UNAVAILABLE, False, False),
        (Verdict.ERROR, False, False),
    ],
)
def test_observations_ignore_expectations(verdict: Verdict, failing: bool, sound: bool) -> None:
    cell = at("linear/float32")
    saw = seen(declaration(), environment(), [cell.id], [Record(cell.id, verdict, KIND)])
    assert (cell in saw.failing, cell in saw.sound) == (failing, sound)


@pytest.mark.parametrize(("signature", "failing"), [("", False), (KIND, True)])
def test_a_cell_with_a_stale_expectation_fails_if_another_one_explains_it(signature: str, failing: bool) -> None:
    cell = at("linear/float32")
    saw = seen(declaration(), environment(), [cell.id], [Record(cell.id, Verdict.STALE, signature)])
    assert (cell in saw.failing, cell in saw.sound) == (failing, not failing)


def test_unjudged_cells_are_not_observed() -> None:
    saw = seen(declaration(), environment(), [at("linear/float32").id], [])
    assert (saw.failing, saw.sound) == ({}, ())


def test_observations_are_in_the_order_of_the_plan() -> None:
    cells = [at("linear/float32"), at("conv2d/float32"), at("mixed/float32")]
    records = [Record(cell.id, Verdict.FAILED, KIND) for cell in cells]
    saw = seen(declaration(), environment(), [cell.id for cell in cells], records[::-1])
    assert list(saw.failing) == cells


def test_boxes_cover_and_avoid_the_right_cells_for_every_division_of_nine() -> None:
    nine = [at(f"{layer}/{dtype}") for layer in ("linear", "conv2d", "mixed") for dtype in ("a", "b", "c")]
    for number in range(2 ** len(nine)):
        inside = [cell for position, cell in enumerate(nine) if number >> position & 1]
        avoid = [cell for cell in nine if cell not in inside]
        found = [
            known(**{"requirements" if axis == "requirement" else axis: values for axis, values in box.items()})
            for box in boxes(inside, avoid)
        ]
        assert all(any(entry.covers(cell) for entry in found) for cell in inside)
        assert not any(entry.covers(cell) for entry in found for cell in avoid)


def test_a_scope_covers_and_avoids_the_right_cells_for_every_division_of_eight() -> None:
    eight = [
        at(f"{id}/{layer}/{dtype}") for id in ("MASK-01", "REG-01") for layer in ("linear", "conv2d")
        for dtype in ("a", "b")
    ]
    for number in range(1, 2 ** len(eight)):
        inside = [cell for position, cell in enumerate(eight) if number >> position & 1]
        avoid = [cell for cell in eight if cell not in inside]
        entry = known(**scope(inside, avoid))
        assert [cell for cell in eight if entry.covers(cell)] == inside


OLD = {"id": "", "reason": "It cannot count"}


def test_entries_of_the_older_form_become_one_defect_per_reason() -> None:
    entries = [
        known(**OLD), known(**OLD, requirement="MASK-02"), known(id="", requirement="REG-01", reason="Another reason."),
    ]
    one = run({"linear/float32": KIND, "MASK-02/linear/float32": KIND, "MASK-03/linear/float32": RAISED})
    proposal = propose(entries, [one])
    assert proposal.revised == (
        (known(id="mask-differs-mask-01", requirements=("MASK-01", "MASK-02"), reason="It cannot count."),),
        (),
        (known(id="mask-differs-reg-01", requirement="REG-01", reason="Another reason."),),
    )
    assert [entry.id for entry in proposal.added] == ["runtimeerror-mask-03"]


def test_entries_of_the_older_form_that_explain_everything_are_kept() -> None:
    entry = known(**OLD)
    assert propose([entry], [run({"linear/float32": KIND})]) == Proposal(((entry,),), ())


def test_entries_of_one_reason_are_merged_if_a_run_shows_that_they_can_be() -> None:
    entries = [known(**OLD, layer=("linear",)), known(**OLD, requirement="MASK-02", layer=("conv2d",))]
    failing = {"linear/float32": KIND, "MASK-02/conv2d/float32": KIND, "MASK-03/linear/float32": RAISED}
    seen_here = run(failing, "conv2d/float32 MASK-02/linear/float32")
    assert [entry.cells for row in propose(entries, [seen_here]).revised for entry in row] == [
        ("MASK-01/linear", "MASK-02/conv2d")
    ]
    unseen = [replace(entry, sparsifiers=("other",)) for entry in entries]
    assert [entry.layer for row in propose(unseen, [seen_here]).revised for entry in row] == [("linear",), ("conv2d",)]
