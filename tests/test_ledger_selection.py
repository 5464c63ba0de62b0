"""Cells are selected, and those that were planned are compared with those that were judged."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sparsecheck.report.ledger import reconcile, supposed
from sparsecheck.values.selection import Selection
from tests.samples import cell, declaration, passed, requirement
from tests.test_ledger import planned


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection(), ["A-01/linear", "A-01/large", "AB-01/linear", "AB-02/linear", "A-B-01/linear"]),
        (Selection(areas=("A",)), ["A-01/linear", "A-01/large"]),
        (Selection(areas=("A", "AB")), ["A-01/linear", "A-01/large", "AB-01/linear", "AB-02/linear"]),
        (Selection(requirements=("AB-02",)), ["AB-02/linear"]),
        (Selection(cells=("it:A-01/large/given/float32/cpu",)), ["A-01/large"]),
        (Selection(cells=("other:A-01/large/given/float32/cpu",)), []),
        (Selection(areas=("A",), requirements=("AB-02",)), []),
        (Selection(areas=("AB",), requirements=("AB-02",)), ["AB-02/linear"]),
        (Selection(areas=("C",)), []),
        (Selection(areas=("A-B",)), ["A-B-01/linear"]),
    ],
)
def test_a_selection_takes_cells_that_match_every_kind_of_selector(selection: Selection, taken: list[str]) -> None:
    catalogue = (requirement("A-01", layers=("linear", "large")), requirement("AB-01"), requirement("AB-02"),
                 requirement("A-B-01"))
    ledger = planned(*catalogue, selection=selection)
    assert [f"{one.cell.requirement}/{one.cell.layer}" for one in ledger] == taken


def test_a_probe_selects_only_cells_that_need_an_undeclared_capability() -> None:
    it = replace(declaration(), supposed=("finalize", "conv2d"))
    plain, both = requirement("A-01", layers=("linear", "conv2d")), requirement("A-02", needs=("finalize", "restore"))
    ledger = planned(plain, both, it=it, selection=Selection(probe=True))
    assert [one.cell.axes for one in ledger] == ["A-01/conv2d/given/float32/cpu", "A-02/linear/given/float32/cpu"]
    assert supposed(plain, ledger[0].cell, it) == ("conv2d",)
    assert supposed(both, ledger[1].cell, it) == ("finalize",)
    assert planned(plain, both, it=it, selection=Selection(areas=("B",), probe=True)) == ()
    assert len(planned(plain, both, it=it)) == 3


@pytest.mark.parametrize(
    "selection", [Selection(probe=True), Selection(("A",)), Selection((), ("A-01",)), Selection((), (), ("x",))]
)
def test_a_run_with_any_selector_is_a_selection(selection: Selection) -> None:
    assert selection
    assert not Selection()


A, B, C = cell(layer="linear"), cell(layer="large"), cell(layer="ragged")


@pytest.mark.parametrize(
    ("plan", "judged", "missing", "doubled", "unplanned"),
    [
        ((A, B), (B, A), (), (), ()),
        ((A, B), (A,), (B,), (), ()),
        ((A, B), (A, B, A), (), (A,), ()),
        ((A,), (A, C), (), (), (C,)),
        ((A, B), (C, C), (B, A), (C,), (C,)),
        ((), (), (), (), ()),
    ],
)
def test_planned_cells_are_compared_with_judged_ones(
    plan: tuple[str, ...], judged: tuple[str, ...],
    missing: tuple[str, ...], doubled: tuple[str, ...], unplanned: tuple[str, ...],
) -> None:
    balance = reconcile(plan, passed(*judged))
    assert (balance.missing, balance.doubled, balance.unplanned) == (missing, doubled, unplanned)
    assert bool(balance) == (missing + doubled + unplanned == ())


def test_an_imbalance_says_what_is_wrong_and_names_a_cell() -> None:
    said = str(reconcile((A, B), passed(A, A, C)))
    assert said == f"1 never judged, first {B}; 1 judged twice, first {A}; 1 not planned, first {C}"
    assert str(reconcile((A,), passed(A))) == "balanced"


def test_an_imbalance_names_the_first_cell_by_its_id() -> None:
    ids = [cell(f"MASK-{number:02}") for number in range(20)]
    twice, falling = passed(*ids, *ids), reversed(ids)
    assert str(reconcile(ids, ())) == f"20 never judged, first {ids[0]}"
    assert reconcile(ids, ()).missing == reconcile((), passed(*falling)).unplanned == tuple(ids)
    assert reconcile(ids, reversed(twice)).doubled == tuple(ids)
