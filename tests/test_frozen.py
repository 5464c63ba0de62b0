"""Values on which a verdict depends are immutable."""

from __future__ import annotations

import numpy as np
import pytest

from sparsecheck.features.expect.proposal import Proposal
from sparsecheck.features.expect.seen import Seen
from sparsecheck.oracle.channels import ChannelMatch, KeptChannels, match_channels
from sparsecheck.oracle.ranking import Ranking
from sparsecheck.oracle.tensor_changes import Change
from sparsecheck.oracle.tolerance import Tolerance, tolerance
from sparsecheck.oracle.units import Units, units
from sparsecheck.report.expectation import Expectation
from sparsecheck.report.ledger import Balance, Planned, reconcile
from sparsecheck.report.report import Report
from sparsecheck.values.capability import Capabilities, declare
from sparsecheck.values.cell import Cell
from sparsecheck.values.contract import Contract
from sparsecheck.values.expected import Expected
from sparsecheck.values.pattern import Band, Block, Channel, Given, NofM, Unstructured
from sparsecheck.values.plan import Plan
from sparsecheck.values.record import Footer, Header, LevelOutcome, Outcome, Record, Subject, Verdict
from sparsecheck.values.selection import Selection
from tests.samples import cell, contract, declaration, environment, expectation, passed, report

MASK = np.array([[True, False]])
REPORT = report(passed(cell()))
VALUES: dict[type, object] = {
    Contract: contract(), Capabilities: declare("cpu", ""), Selection: Selection(), Cell: Cell.parse(cell()),
    Record: Record(cell(), Verdict.PASSED), Report: REPORT, Header: REPORT.header, Subject: REPORT.header.subjects[0],
    Footer: REPORT.footer, Outcome: REPORT.outcomes()[0], LevelOutcome: REPORT.outcomes()[0].core,
    Plan: Plan({}), Given: Given(MASK), Unstructured: Unstructured(0.5), Block: Block((1, 1), 0.5), NofM: NofM(1, 2),
    Channel: Channel(0.5), Band: Band(1), Planned: Planned(Cell.parse(cell()), "judge"), Balance: reconcile((), ()),
    Units: units(Unstructured(0.5), (2, 2), contract()), Tolerance: tolerance("cpu", "float32"),
    Ranking: Ranking(("a",), Unstructured(0.5), MASK, MASK.astype(np.float64)),
    Expectation: expectation(), Expected: expectation().value,
    Seen: Seen(declaration(), environment(), {}, ()), Proposal: Proposal((), ()), Change: Change("a", "added", 1, 1),
    KeptChannels: KeptChannels(MASK[0], MASK[0]), ChannelMatch: match_channels(np.eye(2), np.eye(2)),
}


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_values_are_immutable(kind: type) -> None:
    value = VALUES[kind]
    assert type(value) is kind
    names = getattr(kind, "__struct_fields__", None) or tuple(kind.__annotations__)
    with pytest.raises(AttributeError, match=r"immutable|can(no|')t (assign|set)"):
        setattr(value, names[0], None)
