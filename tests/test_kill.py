"""Every requirement rejects the miniatures made to break it, and accepts the exemplar."""

from __future__ import annotations

import pytest

from sparsecheck.catalogue import CATALOGUE
from sparsecheck.sparsifiers.exemplar import ExemplarAdapter
from sparsecheck.values.record import Verdict
from tests.bench_of_one import cases, judge_all
from tests.miniatures import MINIATURES, Miniature, mask, reference, reg, restoring, state, trace, train

IDS = [requirement.id for requirement in CATALOGUE]
assert mask
assert reference
assert reg
assert restoring
assert state
assert trace
assert train


@pytest.mark.parametrize("miniature", MINIATURES, ids=lambda miniature: miniature.name)
def test_a_miniature_is_rejected_by_its_requirement(miniature: Miniature) -> None:
    records = judge_all(miniature.adapter(), miniature.requirement)
    rejected = (record for record in records if record.verdict is Verdict.FAILED)
    assert any(record.signature.startswith(miniature.kind) for record in rejected)


@pytest.mark.parametrize("id", IDS)
def test_the_exemplar_is_accepted(id: str) -> None:
    for record in judge_all(ExemplarAdapter(), id):
        assert record.verdict is Verdict.PASSED, record.message


@pytest.mark.parametrize("id", IDS)
def test_a_requirement_rejects_some_miniature(id: str) -> None:
    assert any(miniature.requirement == id for miniature in MINIATURES)


def test_every_requirement_has_a_case_and_every_case_a_requirement() -> None:
    assert sorted(cases()) == sorted(IDS)
