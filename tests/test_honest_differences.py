"""A legitimate difference is not a failure: a correct sparsifier is accepted with any true declaration."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sparsecheck import Adapter
from sparsecheck.adapter.shipped.exemplar import CONTRACT, ExemplarAdapter
from sparsecheck.catalogue import state, trace, train
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
"""Requirements that start a fresh interpreter each; one clause and one holder suffice for them."""

IDS = [one.id for one in (*state.REQUIREMENTS, *train.REQUIREMENTS) if one.id != COSTLY]
TRACED = [one.id for one in trace.REQUIREMENTS]


@pytest.mark.parametrize("clauses", CLAUSES, ids=lambda clauses: "-".join(clauses.values()))
@pytest.mark.parametrize("id", IDS)
def test_exemplar_is_accepted_with_any_contract(id: str, clauses: dict[str, str]) -> None:
    adapter = ExemplarAdapter()
    adapter.contract = replace(CONTRACT, **clauses)
    _judge(adapter, id)


def test_a_sidecar_is_accepted_in_a_fresh_interpreter() -> None:
    adapter = ExemplarAdapter()
    adapter.contract = replace(CONTRACT, mask_storage="sidecar")
    _judge(adapter, COSTLY)


@pytest.mark.parametrize("adapter", [BufferAdapter, InPlaceAdapter])
@pytest.mark.parametrize("id", [*IDS, *TRACED])
def test_other_holders_are_accepted(id: str, adapter: type[Adapter]) -> None:
    _judge(adapter(), id)


def _judge(adapter: Adapter, id: str) -> None:
    for record in judge_all(adapter, id):
        assert record.verdict is Verdict.PASSED, f"{record.cell}: {record.message}"
