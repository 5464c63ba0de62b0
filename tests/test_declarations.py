"""False declarations fall: each by the cell that is pinned for it, which its honest sparsifier passes."""

from __future__ import annotations

import os

import pytest
from msgspec.structs import replace

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.values.capability import CAPABILITIES
from sparsecheck.values.record import Record, Verdict
from tests.declarations.judging import NAMES, kind_of, pinned, record_of
from tests.declarations.table import BUILT, CLAUSES, PERMITTED, SPECIAL
from tests.warm_python import COLD

PINS = pinned()
COMMAND = "python -m tools.declarations --missing"
HONEST: dict[tuple[str, ...], Record | None] = {}


def judged() -> list[str]:
    """Return one false declaration of each capability and value; `.ci/nightly` judges all."""
    first: dict[tuple[str, str], str] = {}
    for name in PINS:
        first.setdefault((NAMES[name].what, NAMES[name].declared), name)
    return list(PINS if COLD in os.environ else first.values())


@pytest.mark.parametrize("name", judged())
def test_a_false_declaration_is_rejected_by_its_cell(name: str) -> None:
    cell, kind = PINS[name]
    record = record_of(NAMES[name].make(), cell)
    assert record is not None, f"{cell} is no longer planned; pin another with: {COMMAND}"
    assert record.verdict.is_red
    assert kind_of(record) == kind


@pytest.mark.parametrize("name", judged())
def test_the_honest_sparsifier_passes_that_cell(name: str) -> None:
    record = _honest(NAMES[name].base, NAMES[name].what, NAMES[name].true, PINS[name][0], name=name)
    assert record is None or record.verdict in (Verdict.PASSED, Verdict.REFUSED), record.message


def _honest(*key: str, name: str) -> Record | None:
    """Return the record of the honest sparsifier, which many false declarations share."""
    if key not in HONEST:
        HONEST[key] = record_of(NAMES[name].honest(), PINS[name][0])
    return HONEST[key]


def test_every_false_declaration_is_pinned_or_permitted() -> None:
    assert [name for name, one in NAMES.items() if name not in PINS and not one.permitted] == [], COMMAND
    assert [name for name in PINS if name not in NAMES] == []


def test_every_reason_permits_a_false_declaration() -> None:
    assert [why for applies, why in PERMITTED if not any(map(applies, NAMES.values()))] == []


@pytest.mark.parametrize("clause", list(CLAUSES))
def test_every_value_of_a_clause_is_true_of_a_sparsifier(clause: str) -> None:
    true = {*BUILT.get(clause, ()), *SPECIAL.get(clause, {})}
    of_all = {"any"} if clause in ("weight_attribute", "averages", "pickled") else set()  # promises nothing
    assert true | of_all == set(CLAUSES[clause])


@pytest.mark.parametrize("capability", list(CAPABILITIES))
def test_every_capability_is_declared_falsely_both_ways(capability: str) -> None:
    ways = {one.declared for one in NAMES.values() if one.base == "exemplar" and one.what == capability}
    assert ways == {"supported", "unsupported"}


def test_an_honest_contract_is_not_in_the_table() -> None:
    for one in NAMES.values():
        if one.what in CLAUSES and one.what != "schedules":  # whose values the table shows shortened
            assert getattr(one.honest().contract, one.what) == one.true
            assert one.make().contract == replace(one.honest().contract, **{one.what: one.declared})
    assert all(name in ExemplarAdapter.supported for name in CAPABILITIES)
