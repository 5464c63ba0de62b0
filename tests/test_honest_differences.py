"""An honest difference is no failure: whatever a correct sparsifier declares of itself, it is accepted."""

from __future__ import annotations

import copy

import pytest
import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Adapter, Context, Plan, Saved, Sparsified
from sparsecheck.catalogue import state, trace, train
from sparsecheck.sparsifiers.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep
from sparsecheck.values.record import Verdict
from tests.bench_of_one import judge_all
from tests.variants.holders import BufferAdapter, InPlaceAdapter

CLAUSES = [
    {"mask_storage": "sidecar"}, {"mask_storage": "both"}, {"mask_storage": "nowhere"},
    {"masks_at": "attach"},
    {"regrowth": "monotone"}, {"regrowth": "monotone", "level_basis": "remaining"}, {"level_basis": "remaining"},
    {"score": "magnitude-l2"}, {"rounding": "floor"}, {"rounding": "ceil"},
]
COSTLY = "STATE-02"
"""A fresh interpreter each; one clause and one holder are enough."""

IDS = [one.id for one in (*state.REQUIREMENTS, *train.REQUIREMENTS) if one.id != COSTLY]
TRACED = [one.id for one in trace.REQUIREMENTS]


@pytest.mark.parametrize("clauses", CLAUSES, ids=lambda clauses: "-".join(clauses.values()))
@pytest.mark.parametrize("id", IDS)
def test_the_exemplar_is_accepted_whatever_its_contract(id: str, clauses: dict[str, str]) -> None:
    adapter = ExemplarAdapter()
    adapter.contract = replace(CONTRACT, **clauses)
    _judge(adapter, id)


def test_a_sidecar_is_accepted_in_a_fresh_interpreter() -> None:
    adapter = ExemplarAdapter()
    adapter.contract = replace(CONTRACT, mask_storage="sidecar")
    _judge(adapter, COSTLY)


@pytest.mark.parametrize("adapter", [BufferAdapter, InPlaceAdapter])
@pytest.mark.parametrize("id", [*IDS, *TRACED])
def test_another_holder_is_accepted(id: str, adapter: type[Adapter]) -> None:
    _judge(adapter(), id)


class RestoresOntoDense(ExemplarAdapter):
    """Has a way of its own to restore, past attach."""

    contract = replace(CONTRACT, restores_into="dense")

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        restored = self.sparsified(dense_model, plan, self.contract)
        restored.load(saved)
        return restored


class BringsItsModel(RestoresOntoDense):
    """Needs of the dense model no more than how it is built."""

    contract = replace(CONTRACT, restores_into="whole model")

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        return super().restore(copy.deepcopy(dense_model), plan, saved, context)


@pytest.mark.parametrize("adapter", [RestoresOntoDense, BringsItsModel])
@pytest.mark.parametrize("id", ["STATE-01", "STATE-05", "STATE-08", "STATE-15", "STATE-18"])
def test_another_way_to_restore_is_accepted(id: str, adapter: type[Adapter]) -> None:
    _judge(adapter(), id)


class _Observing(Keep):
    calls: Tensor

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, weight: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(weight)


class Observing(Exemplar):
    keep = _Observing


@pytest.mark.parametrize("id", ["STATE-06", "STATE-09", "STATE-14", "TRACE-04", "TRACE-08"])
def test_a_buffer_that_every_forward_changes_is_accepted(id: str) -> None:
    adapter = ExemplarAdapter()
    adapter.sparsified = Observing  # type: ignore[misc]
    _judge(adapter, id)


def _judge(adapter: Adapter, id: str) -> None:
    for record in judge_all(adapter, id):
        assert record.verdict is Verdict.PASSED, f"{record.cell}: {record.message}"
