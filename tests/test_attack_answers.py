"""Sparsifiers that skip the work: they answer from a table, about another layer, or with tensors that change later."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sparsecheck import Context, Plan, Sparsified, Trial
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter
from sparsecheck.catalogue import requirement
from sparsecheck.report.reasons import exit_code
from sparsecheck.values.record import Record, Verdict
from tests.bench_of_one import judge_all, planned
from tests.samples import report

Table = dict[tuple[object, ...], Tensor]


class FromTable(ExemplarAdapter):
    """Stores computed masks in a table by name, shape and pattern, and answers from it if possible."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.table, self.hits = table, 0

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        sparsified = super().attach(model, plan, context)
        assert isinstance(sparsified, Exemplar)
        compute = sparsified.update

        def update(level: float | None = None) -> None:
            compute(level)
            for name, pattern in plan.patterns.items():
                mask = sparsified.mask_tensor(name)
                key = name, tuple(mask.shape), str(pattern), level
                self.hits += key in self.table
                mask.copy_(self.table.setdefault(key, mask.clone()))

        sparsified.update = update  # type: ignore[method-assign]
        return sparsified


class OtherLayer(ExemplarAdapter):
    """Sparsifies the unplanned layers, and reports masks under the planned names."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        names = [name for name, one in model.named_parameters() if one.dim() > 1 and name not in plan.patterns]
        own = Plan(dict(zip(names, plan.patterns.values(), strict=False)))
        sparsified = super().attach(model, own, context)
        masks = {name: _every_second(model.get_parameter(name).shape) for name in plan.names}
        sparsified.masks = lambda: masks  # type: ignore[method-assign]
        return sparsified


def _every_second(shape: torch.Size) -> Tensor:
    return (torch.arange(shape.numel()) % 2 == 0).reshape(shape)


class LiveView(ExemplarAdapter):
    """Returns the same tensors every time, and changes them in place in every forward."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        sparsified = super().attach(model, plan, context)
        compute, given = sparsified.update, sparsified.masks()

        def update(level: float | None = None) -> None:
            compute(level)
            for name, mask in type(sparsified).masks(sparsified).items():
                given[name].copy_(mask)

        def turn(*_: object) -> None:
            for mask in given.values():
                mask.logical_not_()

        sparsified.update, sparsified.masks = update, lambda: given  # type: ignore[method-assign]
        sparsified.model.register_forward_hook(turn)
        return sparsified


def judged(adapter: ExemplarAdapter, id: str) -> list[Record]:
    return list(judge_all(adapter, id))


def kinds(records: list[Record]) -> set[str]:
    """Return the kinds of the violations."""
    return {record.signature.partition(":")[0] for record in records if record.verdict is Verdict.FAILED}


def test_memorized_masks_fail_for_other_weights_of_equal_shapes() -> None:
    table: Table = {}
    for one in planned(FromTable(table), (requirement("MASK-06"),)):
        if one.disposition == "judge":
            trial = Trial(one.cell, FromTable(table))
            trial.sparsified(trial.dense_model("other"))
    adapter = FromTable(table)
    records = judged(adapter, "MASK-06")
    assert adapter.hits
    assert kinds(records) == {"kept-differs"}
    assert {record.verdict for record in records} == {Verdict.FAILED}
    assert exit_code(report(records)) == 1


@pytest.mark.parametrize("id", ["MASK-05", "MASK-24"])
def test_memorized_masks_fail_in_another_requirement(id: str) -> None:
    table: Table = {}
    assert kinds(judged(FromTable(table), "MASK-06")) == set()
    with_table, without = FromTable(dict(table)), FromTable({})
    for adapter in (with_table, without):
        judged(adapter, id)
    assert with_table.hits == without.hits


@pytest.mark.parametrize("id", ["MASK-01", "MASK-03", "REG-12", "STATE-01", "TRAIN-01"])
def test_masks_of_another_layer_are_reported(id: str) -> None:
    records = judged(OtherLayer(), id)
    assert Verdict.PASSED not in {record.verdict for record in records}
    assert exit_code(report(records)) == 1


def test_masks_that_change_after_they_were_returned_are_reported() -> None:
    records = judged(LiveView(), "MASK-27")
    assert kinds(records) == {"mask-differs"}
    assert exit_code(report(records)) == 1
