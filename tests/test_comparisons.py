"""A cell that compared nothing is an error, whatever the reason; the comparisons of a case are counted and recorded."""

from __future__ import annotations

import pytest

from sparsecheck import Adapter, Trial, require
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.adapter.shipped.structural_exemplar import StructuralExemplarAdapter
from sparsecheck.report.ledger import Planned
from sparsecheck.trials.case_marker import compared_instead
from sparsecheck.values.comparisons import counting, named_in, not_counting, note
from sparsecheck.values.record import Verdict
from sparsecheck.values.violation import presume
from tests.bench_of_one import canonical, cases, judge, judge_by
from tests.emptied import has_loop, without_loops, without_plan

FIRST: list[tuple[type[Adapter], Planned]] = [
    (exemplar, one) for exemplar in (ExemplarAdapter, StructuralExemplarAdapter) for one in canonical(exemplar())
    if not (exemplar is StructuralExemplarAdapter and one.cell.area == "SMOKE")
]
LOOPS = [(exemplar, one) for exemplar, one in FIRST if has_loop(cases()[one.cell.requirement])]
COMPARES_OUTSIDE = {
    "COMPOSE-05",
    "DECLARE-02", "DECLARE-12", "MASK-04", "MASK-19", "MASK-21", "MASK-22", "MASK-23", "MASK-33", "MASK-40",
    "LIFE-13", "OPTIM-08", "REG-05", "REG-10", "REG-21", "SCHED-06", "SCHED-09", "STATE-15", "STATE-30", "TRAIN-20",
}
"""Cases that compare every planned parameter, or the thing they declare, outside their loop statements too."""


def _name(value: object) -> str:
    return value.cell.requirement if isinstance(value, Planned) else getattr(value, "profile", str(value))


@pytest.mark.parametrize(("exemplar", "one"), FIRST, ids=_name)
def test_a_case_without_planned_parameters_does_not_pass(exemplar: type[Adapter], one: Planned) -> None:
    case = cases()[one.cell.requirement]
    record = judge_by(without_plan(case), exemplar(), one, compared_instead(case))
    assert record.verdict in (Verdict.ERROR, Verdict.FAILED)


@pytest.mark.parametrize(("exemplar", "one"), LOOPS, ids=_name)
def test_a_case_whose_loops_run_over_nothing_does_not_pass(exemplar: type[Adapter], one: Planned) -> None:
    case = cases()[one.cell.requirement]
    record = judge_by(without_loops(case), exemplar(), one, compared_instead(case))
    assert (record.verdict is Verdict.PASSED) == (one.cell.requirement in COMPARES_OUTSIDE)


@pytest.mark.parametrize("mutant", [
    lambda trial: None,
    lambda trial: trial.sparsified(),
    lambda trial: require(True, "odd", f"{trial.plan.names[0]} alone"),
    lambda trial: require(True, "odd", "something else"),
    lambda trial: presume(True, "odd", " ".join(trial.plan.names)),
])
def test_a_case_that_does_not_compare_every_planned_parameter_is_an_error(mutant: object) -> None:
    one = next(one for exemplar, one in FIRST if one.cell.requirement == "MASK-01")
    record = judge_by(mutant, ExemplarAdapter(), one)  # type: ignore[arg-type]
    assert record.verdict is Verdict.ERROR
    assert record.signature.startswith("nothing-compared: the case compared nothing of ")
    assert "block.layer1.weight" in record.message


def test_a_case_that_declares_something_else_must_compare_it() -> None:
    one = FIRST[0][1]
    record = judge_by(lambda trial: None, ExemplarAdapter(), one, "the output")
    assert record.signature.startswith("nothing-compared: the case compared nothing of the output")
    assert judge_by(lambda trial: note("the output"), ExemplarAdapter(), one, "the output").verdict is Verdict.PASSED


def test_the_comparisons_of_a_cell_are_recorded() -> None:
    one = next(one for exemplar, one in FIRST if one.cell.requirement == "MASK-01")
    record = judge(ExemplarAdapter(), one)
    assert (record.comparisons, record.parameters) == (Trial(one.cell, ExemplarAdapter()).network.weighted.__len__(), 2)


def test_a_parameter_is_compared_only_if_a_subject_names_it_and_no_longer_name() -> None:
    names = ("layer1.weight", "block.layer1.weight", "weight")
    assert named_in(["mask of block.layer1.weight"], names) == ("block.layer1.weight",)
    assert named_in(["masks of layer1.weight and layer10.weight."], names) == ("layer1.weight",)
    assert named_in(["layer1.weight.grad", "weights", "layer1.weight_orig"], names) == ()
    assert named_in(["layer1.weight", "weight"], names) == ("layer1.weight", "weight")


def test_comparisons_are_counted_inside_and_not_while_a_case_is_set_up() -> None:
    note("outside")
    with counting() as subjects:
        note("inside")
        with not_counting():
            note("set-up")
        presume(True, "kind", "no comparison")
        require(True, "kind", "a comparison")
    note("outside")
    assert subjects == ["inside", "a comparison"]
