"""Every requirement rejects the miniatures made to break it, and accepts the exemplar and its variants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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
from tests.miniatures.all import MINIATURES, Miniature
from tests.variants.all import VARIANTS
from tools.kill_matrix import matrix, pins
from tools.kill_matrix.matrix import IDS, alarms, is_run, rejecting
from tools.kill_matrix.page import page
from tools.kill_matrix.pins import COMMAND, NotPinned, Pins

PINS = pins.read()
JUDGED = [
    (exemplar, one.id)
    for exemplar in (ExemplarAdapter, StructuralExemplarAdapter) for one in CATALOGUE
    if applies(one, exemplar().declare("it")) and not one.refuses and one.id != "SCHED-08"
]
"""Each exemplar with what it is judged by; it offers every schedule, so that SCHED-08 finds none to be refused."""

FIRST = MINIATURES[0].name
PINNED = 3
"""The number of pinned requirements by which a miniature is judged here, besides its own and its neighbours."""


@pytest.mark.parametrize("miniature", MINIATURES, ids=lambda miniature: miniature.name)
def test_a_miniature_is_rejected_by_its_requirement(miniature: Miniature) -> None:
    record = rejection(miniature)
    assert record is not None
    if miniature.name in diagnoses.pinned():
        assert words(record) == diagnoses.pinned()[miniature.name]


@pytest.mark.parametrize("miniature", MINIATURES, ids=lambda miniature: miniature.name)
def test_a_miniature_is_rejected_by_the_pinned_requirements_and_not_by_their_neighbours(miniature: Miniature) -> None:
    """Judge by the neighbours and the first of the others; `python -m tools.kill_matrix --all --check` judges by all.

    The requirement that the miniature breaks is judged by the test above.
    """
    row = [id for id in PINS.row(miniature.name) if id != miniature.requirement]
    place = IDS.index(miniature.requirement)
    neighbours = [id for id in IDS[max(place - 1, 0):place + 2] if id != miniature.requirement]
    asked = {*(id for id in neighbours if is_run(miniature, id)), *row[:PINNED]}
    assert set(rejecting(miniature, asked)) == asked & set(row), (
        f"is this right? Then write it with: {COMMAND} --only {miniature.name}"
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_a_correct_variant_is_accepted(name: str) -> None:
    assert alarms(name) == ()


@pytest.mark.parametrize(("exemplar", "id"), JUDGED, ids=lambda value: getattr(value, "profile", value))
def test_an_exemplar_is_accepted(exemplar: type[Adapter], id: str) -> None:
    records = list(judge_all(exemplar(), id))
    assert records
    for record in records:
        assert record.verdict is Verdict.PASSED, record.message


@pytest.mark.parametrize("id", [one.id for one in CATALOGUE if one.refuses])
def test_a_good_refusal_is_accepted(id: str) -> None:
    adapters = [VARIANTS[name] for name in VARIANTS]
    records = [record for adapter in adapters for record in judge_all(adapter(), id)]
    assert records, "no correct variant lacks it"
    assert [record.message for record in records if record.verdict not in (Verdict.REFUSED, Verdict.PASSED)] == []


@pytest.mark.parametrize("id", IDS)
def test_a_requirement_rejects_some_miniature(id: str) -> None:
    assert any(miniature.requirement == id for miniature in MINIATURES)


def test_every_requirement_has_a_case_and_every_case_a_requirement() -> None:
    assert sorted(cases()) == sorted(IDS)


def test_every_miniature_and_every_requirement_is_pinned() -> None:
    assert list(PINS.rows) == [miniature.name for miniature in MINIATURES], f"write the pins with: {COMMAND}"
    assert list(PINS.requirements) == list(IDS), f"write the pins with: {COMMAND}"
    assert list(diagnoses.pinned()) == [miniature.name for miniature in diagnoses.diagnosed()], COMMAND


# ------------------------------------------------------------------- the matrix


def test_a_missing_pin_names_the_command_that_adds_it() -> None:
    with pytest.raises(NotPinned, match=f"miniature MASK-99-Odd is not in kill_matrix.json; add it with: {COMMAND}"):
        PINS.row("MASK-99-Odd")


def test_only_what_is_new_or_has_changed_is_computed() -> None:
    present = Pins(pins.requirement_digests(), pins.miniature_digests(), PINS.rows)
    assert matrix.changed(present) == matrix.Task()
    odd = replace(present, requirements={**present.requirements, "MASK-02": "changed"})
    assert matrix.changed(odd) == matrix.Task(dict.fromkeys(PINS.rows, ("MASK-02",)), ("MASK-02",))
    new = replace(present, miniatures={name: one for name, one in present.miniatures.items() if name != FIRST})
    assert matrix.changed(new) == matrix.Task({FIRST: IDS})
    assert matrix.changed(present, [FIRST]) == matrix.Task({FIRST: IDS})
    assert matrix.changed(present, ["REG-05"]).variants == ("REG-05",)


def test_a_pair_that_is_computed_again_replaces_what_was_stored() -> None:
    [miniature] = [one for one in MINIATURES if one.short == "Truncates"]
    wrong = Pins(rows={**PINS.rows, miniature.name: ("MASK-01", "MASK-25")})
    task = matrix.Task({miniature.name: ("MASK-01", "MASK-05", "MASK-14")})
    rows, raised = matrix.compute(task, wrong, jobs=1)
    assert rows[miniature.name] == ("MASK-05", "MASK-14", "MASK-25")
    assert raised == {}
    assert [*matrix.differences(rows, wrong.rows)] == [
        f"{miniature.name}: newly rejected by: MASK-05, MASK-14; no longer by: MASK-01"
    ]


def test_a_cell_is_judged_alike_whatever_was_judged_before() -> None:
    """This miniature counts the models that it was attached to."""
    [miniature] = [one for one in MINIATURES if one.short == "RollsWithEveryRun"]
    assert {id for id in IDS[:20] if rejecting(miniature, [id])} == set(rejecting(miniature, IDS[:20]))


def test_pins_are_read_as_they_were_written(tmp_path: Path) -> None:
    pins.write(PINS.rows, tmp_path / "pins.json")
    assert pins.read(tmp_path / "pins.json").rows == PINS.rows
    assert pins.read(tmp_path / "none.json") == Pins()


def test_the_page_shows_every_row() -> None:
    text = page(MINIATURES, PINS.rows, VARIANTS)
    assert all(f"\n{one.short} " in text for one in MINIATURES)
    assert text.count("#") > len(MINIATURES)
    assert all(f"`{name}`" in text for name in VARIANTS)
