"""Adapters that change what they are judged by: the plan, masks, inputs, weights, and their own declaration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor, nn

from sparsecheck import Adapter, Context, Given, Plan, Sparsified, Trial
from sparsecheck.adapter.declaring import describe_change, read_declaration, restore_declaration
from sparsecheck.adapter.discovery import Found
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter
from sparsecheck.adapter.shipped.structural_exemplar import StructuralExemplarAdapter
from sparsecheck.run.case_outcome import failed
from sparsecheck.run.case_run import VoidResult, run_case
from sparsecheck.trials.case_marker import compared_instead
from sparsecheck.values.record import Record, Verdict
from tests.bench_of_one import canonical, cases, judge


class EmptiesThePlan(ExemplarAdapter):
    """Takes every pattern out of the plan, and so does nothing at all."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        plan.patterns.clear()  # type: ignore[attr-defined]
        return super().attach(model, plan, context)


class MovesTheMask(ExemplarAdapter):
    """Writes the mask that it makes into the mask that it was given, so that both are the same."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        for pattern in plan.patterns.values():
            if isinstance(pattern, Given):
                pattern.mask.setflags(write=True)
                torch.from_numpy(pattern.mask).logical_not_()
        return super().attach(model, plan, context)


class ZeroesTheInput(Exemplar):
    """Writes zeros into the input of every forward."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Any) -> None:
        super().__init__(model, plan, contract)

        def zero(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            inputs[0].zero_()

        model.register_forward_pre_hook(zero)


class MasksAfterwards(Exemplar):
    """Lets forward use the dense weight, and masks what was used once the layer is done."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Any) -> None:
        super().__init__(model, plan, contract)
        for name in plan.names:
            self._hide(model.get_submodule(name.removesuffix(".weight")), name)

    def _hide(self, layer: nn.Module, name: str) -> None:
        used: list[Tensor] = []
        keep = layer.parametrizations.weight[0]  # type: ignore[union-attr,index]

        def compute(weight: Tensor) -> Tensor:
            used[:] = [weight.detach().clone()]
            return used[0]

        keep.forward = compute  # type: ignore[union-attr]

        def hide(*_: object) -> None:
            used[0].masked_fill_(~self.mask_tensor(name), 0)

        layer.register_forward_hook(hide)


def _using(sparsified: type[Exemplar]) -> type[ExemplarAdapter]:
    return type(sparsified.__name__, (ExemplarAdapter,), {"sparsified": sparsified})


def judged(adapter: Adapter, *ids: str) -> list[Record]:
    return [judge(adapter, one) for one in canonical(adapter, ids)]


def test_a_sparsifier_that_empties_the_plan_and_does_nothing_passes_no_case_about_the_plan() -> None:
    ids = ("MASK-01", "MASK-04", "MASK-05", "MASK-15", "MASK-26", "REG-01", "REG-12", "STATE-01", "TRAIN-01",
           "TRACE-01", "SMOKE-02", "SMOKE-03")
    records = judged(EmptiesThePlan(), *ids)
    assert len(records) == len(ids)
    assert {record.verdict for record in records} == {Verdict.FAILED}


@pytest.mark.parametrize(("adapter", "id", "kind"), [
    (MovesTheMask, "MASK-03", "mask-differs"),
    (MovesTheMask, "REG-23", "argument-changed"),
    (_using(ZeroesTheInput), "MASK-02", "output-differs"),
    (_using(ZeroesTheInput), "REG-23", "argument-changed"),
    (_using(MasksAfterwards), "MASK-01", "plan-not-applied"),
])
def test_a_case_judges_from_values_that_the_adapter_cannot_reach(
    adapter: type[Adapter], id: str, kind: str
) -> None:
    [record] = judged(adapter(), id)
    assert record.verdict is Verdict.FAILED
    assert record.signature.startswith(kind)


@pytest.mark.parametrize("exemplar", [ExemplarAdapter, StructuralExemplarAdapter])
def test_plans_for_the_case_for_attach_and_for_restore_share_nothing(exemplar: type[Adapter]) -> None:
    [one] = canonical(exemplar(), ["SMOKE-05"])
    trial = Trial(one.cell, exemplar())
    trial.restore(trial.sparsified().save())
    plans = [trial.plan, *(lent.plan for lent in trial.lent)]
    assert [lent.call for lent in trial.lent] == ["attach", "restore"]
    assert len({id(plan.patterns) for plan in plans}) == 3
    assert len({id(pattern) for plan in plans for pattern in plan.patterns.values()}) == 3 * len(trial.plan.names)


# ------------------------------------------------------------------ the declaration


def _replaces(adapter: Adapter) -> None:
    adapter.contract = msgspec.structs.replace(adapter.contract, rounding="floor")


def _replaces_in_the_class(adapter: Adapter) -> None:
    type(adapter).contract = msgspec.structs.replace(CONTRACT, rounding="floor")


def _writes_into_it(adapter: Adapter) -> None:
    msgspec.structs.force_setattr(adapter.contract, "rounding", "floor")


def _narrows(adapter: Adapter) -> None:
    adapter.supported = adapter.supported.replace(" conv1d", "")  # type: ignore[misc]


def _restates(adapter: Adapter) -> None:
    adapter.catalogue = 3  # type: ignore[misc]


CHANGES: dict[Callable[[Adapter], None], str] = {
    _replaces: "contract.rounding is 'floor', read first as 'half-even'",
    _replaces_in_the_class: "contract.rounding is 'floor', read first as 'half-even'",
    _writes_into_it: "contract.rounding is 'floor', read first as 'half-even'",
    _narrows: "supported has lost conv1d",
    _restates: "catalogue is 3, read first as 4",
}


def _changing(change: Callable[[Adapter], None]) -> type[ExemplarAdapter]:
    class Changing(ExemplarAdapter):
        contract = msgspec.structs.replace(CONTRACT)

        def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
            change(self)
            return super().attach(model, plan, context)

    return Changing


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_declaration_is_an_error_and_is_undone(change: Callable[[Adapter], None]) -> None:
    adapter = _changing(change)()
    first = read_declaration(adapter, "it")
    for one in canonical(adapter, ("MASK-01", "MASK-05", "SMOKE-01")):
        case, trial = cases()[one.cell.requirement], Trial(one.cell, adapter, first)
        with pytest.raises(VoidResult) as raised:
            run_case(case, trial, compared_instead(case))
        record = failed(one.cell.id, raised.value, adapter)
        assert record.verdict is Verdict.ERROR
        assert record.signature.startswith("declaration-changed: the adapter changed its declaration while the case")
        assert CHANGES[change] in record.message
        assert describe_change(adapter, first) == ""


def test_a_declaration_that_can_no_longer_be_read_is_a_change() -> None:
    adapter = ExemplarAdapter()
    first = adapter.declare("it")
    adapter.supported = "no such capability"  # type: ignore[misc]
    assert describe_change(adapter, first).startswith("it can no longer be read: InvalidCapabilities: unknown: ")
    restore_declaration(adapter, first)
    assert describe_change(adapter, first) == ""


def test_a_trial_judges_by_the_declaration_that_was_read_first() -> None:
    adapter = ExemplarAdapter()
    found = Found("it", adapter, adapter.declare("it"), source=None)  # type: ignore[arg-type]
    one = next(canonical(adapter))
    trial = Trial(one.cell, found.adapter, found.declaration)
    _replaces(adapter)
    _narrows(adapter)
    assert trial.contract.rounding == "half-even"
    assert trial.supports("conv1d")
