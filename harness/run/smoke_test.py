"""Check once per process that the adapter works at all, before anything else is judged."""

from __future__ import annotations

from _pytest.outcomes import Exit

from ..report.ledger import SMOKE, Planned
from ..report.verdict import bound, weigh
from ..trials.smoke import CHECKS
from ..trials.trial import Trial
from ..values.record import Record
from .case_outcome import NotRun, failed, passed
from .case_run import run_case
from .session import Session, SparsifierPlan


class SmokeTest:
    """Runs the smoke checks of each sparsifier once per process, before its first cell, whatever the order of cells."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._red: dict[str, Record | None] = {}

    @property
    def was_tried(self) -> bool:
        """Return whether the checks of any sparsifier have run."""
        return bool(self._red)

    def stop(self, planned: Planned) -> None:
        """Raise if the adapter fails a smoke check; do nothing for cells of the smoke area.

        A check that fails by a known defect stops nothing, and neither does one that does not bind the adapter yet.

        Raises:
            NotRun: The adapter fails a smoke check; the message names it.
        """
        name = planned.cell.sparsifier
        if planned.cell.area == SMOKE:
            return
        if name not in self._red:
            self._red[name] = _first_red(self._session.of(name), self._session.request.limit)
        if (red := self._red[name]) is not None:
            raise NotRun(f"{red.cell} is {red.verdict.value}: {red.message}")


def _first_red(plan: SparsifierPlan, limit: float) -> Record | None:
    weighed = (weigh(_run_check(one, plan, limit), plan.expectations) for one in plan.smoke)
    records = (bound(record, plan.found.declaration) for record in weighed)
    return next((record for record in records if record.verdict.is_red), None)


def _run_check(planned: Planned, plan: SparsifierPlan, limit: float) -> Record:
    trial = Trial(planned.cell, plan.found.adapter, plan.found.declaration)
    try:
        with trial.guard.watch():
            result = run_case(CHECKS[planned.cell.requirement], trial, "smoke", limit)
    except (KeyboardInterrupt, Exit):
        raise
    except BaseException as error:
        return failed(planned.cell.id, error, plan.found.adapter)
    return passed(planned.cell.id, result)
