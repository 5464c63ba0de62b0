"""Every requirement rejects the miniatures made to break it, and accepts the exemplar and its variants."""

from __future__ import annotations

import pytest

from sparsecheck import Adapter
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.adapter.shipped.structural_exemplar import StructuralExemplarAdapter
from sparsecheck.catalogue import CATALOGUE
from sparsecheck.report.ledger import applies
from sparsecheck.values.record import Verdict
from tests import diagnoses
from tests.bench_of_one import cases, judge_all
from tests.diagnoses import rejection, words
from tests.kill_matrix import PAGE, alarms, pinned, row
from tests.kill_matrix_page import page
from tests.miniatures.all import MINIATURES, Miniature
from tests.variants.all import VARIANTS

IDS = [requirement.id for requirement in CATALOGUE]
JUDGED = [
    (exemplar, one.id)
    for exemplar in (ExemplarAdapter, StructuralExemplarAdapter) for one in CATALOGUE
    if applies(one, exemplar().declare("it"))
]


@pytest.mark.parametrize("miniature", MINIATURES, ids=lambda miniature: miniature.name)
def test_a_miniature_is_rejected_by_its_requirement(miniature: Miniature) -> None:
    record = rejection(miniature)
    assert record is not None
    if miniature.name in diagnoses.pinned():
        assert words(record) == diagnoses.pinned()[miniature.name]


@pytest.mark.parametrize("miniature", MINIATURES, ids=lambda miniature: miniature.name)
def test_a_miniature_is_rejected_by_those_requirements_that_are_pinned(miniature: Miniature) -> None:
    assert row(miniature) == pinned()[miniature.name]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_correct_variant_is_accepted(name: str) -> None:
    assert alarms(name) == ()


@pytest.mark.parametrize(("exemplar", "id"), JUDGED, ids=lambda value: getattr(value, "profile", value))
def test_an_exemplar_is_accepted(exemplar: type[Adapter], id: str) -> None:
    records = list(judge_all(exemplar(), id))
    assert records
    for record in records:
        assert record.verdict is Verdict.PASSED, record.message


@pytest.mark.parametrize("id", IDS)
def test_a_requirement_rejects_some_miniature(id: str) -> None:
    assert any(miniature.requirement == id for miniature in MINIATURES)


def test_every_requirement_has_a_case_and_every_case_a_requirement() -> None:
    assert sorted(cases()) == sorted(IDS)


def test_what_is_pinned_is_there() -> None:
    assert list(pinned()) == [miniature.name for miniature in MINIATURES]
    assert list(diagnoses.pinned()) == [miniature.name for miniature in diagnoses.diagnosed()]


def test_the_page_is_made_of_what_is_pinned() -> None:
    assert PAGE.read_text("utf-8") == page(MINIATURES, pinned(), VARIANTS)
