"""What was once computed or declared stays as it is: no value on which a verdict rests can be set anew."""

from __future__ import annotations

import numpy as np
import pytest

from sparsecheck.judging.ledger import Planned, reconcile
from sparsecheck.judging.oracle import units
from sparsecheck.judging.proposal import Proposal, Seen
from sparsecheck.judging.ranking import Ranking
from sparsecheck.judging.tolerance import tolerance
from sparsecheck.references.change import Change
from sparsecheck.values.capability import declare
from sparsecheck.values.cell import Cell
from sparsecheck.values.pattern import Band, Block, Channel, Given, NofM, Unstructured
from sparsecheck.values.plan import Plan
from sparsecheck.values.record import Record, Verdict
from sparsecheck.values.selection import Selection
from tests.samples import cell, contract, declaration, environment, passed, report

MASK = np.array([[True, False]])
REPORT = report(passed(cell()))
VALUES = (
    contract(), declare("cpu", ""), Selection(), Cell.parse(cell()), Record(cell(), Verdict.PASSED),
    REPORT, REPORT.header, REPORT.header.subjects[0], REPORT.footer, REPORT.outcomes()[0],
    Plan({}), Given(MASK), Unstructured(0.5), Block((1, 1), 0.5), NofM(1, 2), Channel(0.5), Band(1),
    Planned(Cell.parse(cell()), "judge"), reconcile((), ()), units(Unstructured(0.5), (2, 2), contract()),
    Ranking(("a",), Unstructured(0.5), MASK, MASK.astype(np.float64)), tolerance("cpu", "float32"),
    Seen(declaration(), environment(), {}, ()), Proposal((), ()), Change("a", "added", 1, 1),
)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_is_not_set_anew(value: object) -> None:
    field = next(iter(type(value).__annotations__))
    with pytest.raises(AttributeError, match=r"immutable|cannot assign"):
        setattr(value, field, None)
