"""Adapters written for an earlier catalogue: nothing that is newer breaks them or turns their gates red."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from sparsecheck.adapter.discovery import BrokenAdapter, Registration, load, name_of_file
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.catalogue import VERSION
from sparsecheck.report.ledger import binds, enumerate_cells
from sparsecheck.report.verdict import bound
from sparsecheck.run.session import SessionRequest, plan_session
from sparsecheck.values import capability
from sparsecheck.values.cell import Cell
from sparsecheck.values.contract import Contract
from sparsecheck.values.declaration import FIRST_STATED
from sparsecheck.values.record import Record, Verdict
from sparsecheck.values.requirement import Requirement
from sparsecheck.values.selection import Selection
from tests.faulty import written
from tests.samples import cell, declaration, environment, requirement


class OlderAdapter(ExemplarAdapter):
    catalogue = FIRST_STATED


class TooEarlyAdapter(ExemplarAdapter):
    catalogue = FIRST_STATED - 1


class LaterAdapter(ExemplarAdapter):
    catalogue = VERSION + 1


def loaded(name: str) -> Any:
    return load(Registration("it", f"{__name__}:{name}"))


@pytest.fixture
def grown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a capability to those of today that is newer than the first catalogue an adapter can state."""
    monkeypatch.setitem(capability.CAPABILITIES, "lstm", "sparsifies the weights of nn.LSTM")
    monkeypatch.setitem(capability.SINCE, "lstm", FIRST_STATED + 1)


@pytest.mark.usefixtures("grown")
def test_a_newer_capability_is_not_yet_declared_and_breaks_no_adapter() -> None:
    found = loaded("OlderAdapter").declaration
    assert found.capabilities.undeclared == ("lstm",)
    assert found.capabilities.undeclared_at(FIRST_STATED) == ()


@pytest.mark.usefixtures("grown")
def test_a_capability_of_its_own_catalogue_must_be_declared() -> None:
    with pytest.raises(BrokenAdapter, match="leaves undeclared: lstm"):
        loaded("ExemplarAdapter2")


class ExemplarAdapter2(ExemplarAdapter):
    catalogue = FIRST_STATED + 1


@pytest.mark.usefixtures("grown")
def test_nothing_is_planned_on_a_capability_that_is_not_yet_declared() -> None:
    needing = requirement("MASK-99", needs=("lstm",))
    declared = loaded("OlderAdapter").declaration
    assert [one for one in enumerate_cells([needing], declared, Selection(), environment())] == []


def test_an_adapter_of_a_later_catalogue_asks_for_an_upgrade() -> None:
    with pytest.raises(BrokenAdapter, match=f"catalogue {VERSION + 1}, but this sparsecheck has 1 to {VERSION}"):
        loaded("LaterAdapter")


def test_no_adapter_states_a_catalogue_by_which_it_would_be_bound_to_less_than_by_stating_none() -> None:
    with pytest.raises(BrokenAdapter, match=f"the first version that an adapter can state is {FIRST_STATED}"):
        loaded("TooEarlyAdapter")


def at(catalogue: int) -> Any:
    return replace(declaration(), catalogue=catalogue)


@pytest.mark.parametrize(
    ("one", "binding"),
    [
        (requirement(since=2), True), (requirement(since=3), False), (requirement(level="provisional"), False),
        (requirement(revised=(2,)), True), (requirement(revised=(3,)), False),
        (requirement(added=(("given", 3),)), False), (requirement(added=(("band-3", 3),)), True),
    ],
)
def test_a_requirement_binds_from_the_catalogue_that_the_adapter_states(one: Requirement, binding: bool) -> None:
    assert binds(one, Cell.parse(cell()), at(2)) is binding


@pytest.mark.parametrize("verdict", [one for one in Verdict if one is not Verdict.NOT_RUN])
def test_a_newer_requirement_is_never_red(verdict: Verdict) -> None:
    failed = Record(cell("DEVICE-01"), verdict, "kind: words", "words")
    provisional = bound(failed, at(1))
    assert not provisional.verdict.is_red
    assert (provisional.verdict is Verdict.PROVISIONAL) is (verdict.is_red or verdict is Verdict.PROVISIONAL)
    assert provisional.message == failed.message
    assert bound(failed, at(3)) == failed


def test_a_cell_that_a_red_smoke_check_stopped_is_not_run_however_new_its_requirement() -> None:
    stopped = Record(cell("DEVICE-01"), Verdict.NOT_RUN, "", "SMOKE-01 is failed")
    assert bound(stopped, at(1)) == stopped


def test_clauses_of_the_contract_that_came_later_have_a_default() -> None:
    """A default keeps an adapter valid that was written before; the first ten have none."""
    required = {field.name for field in msgspec.structs.fields(Contract) if field.required}
    assert required == {
        "holds", "rounding", "level_basis", "score", "masks_at", "regrowth", "mask_storage", "restores_into", "ragged",
        "ties",
    }


FLIPS = (
    f"catalogue = {FIRST_STATED} + len(os.environ['ODD'])",
    "contract = replace(ExemplarAdapter.contract, ties='any' if os.environ['ODD'] else 'lowest index')",
)


@pytest.mark.parametrize("stated", FLIPS)
def test_processes_that_load_another_declaration_have_another_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str
) -> None:
    """A worker of another catalogue would make failures provisional that are red by the header of the report."""
    head = "import os\nfrom msgspec.structs import replace\n"
    head += "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
    file = written(tmp_path, f"{head}class Odd(ExemplarAdapter):\n    {stated}\n")
    request = SessionRequest((name_of_file(file),), (str(file),), Selection(requirements=("MASK-01",)))
    digests = []
    for odd in ("", "1", ""):
        monkeypatch.setenv("ODD", odd)
        digests.append(plan_session(request).digest)
    assert digests[0] == digests[2] != digests[1]
