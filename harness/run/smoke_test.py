"""Before anything else is judged: does the adapter work at all?"""

from __future__ import annotations

from _pytest.outcomes import Exit

from ..report.ledger import SMOKE, Planned
from ..report.verdict import weigh
from ..trials.smoke import CHECKS
from ..trials.trial import Trial
from ..values.record import Record
from .case_outcome import NotRun, failed, passed
from .session import Judged, Session


class SmokeTest:
    """The smoke checks of each sparsifier, tried once a process, so that no order of cells comes before them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._red: dict[str, Record | None] = {}

    @property
    def was_tried(self) -> bool:
        """Of any sparsifier."""
        return bool(self._red)

    def stop(self, planned: Planned) -> None:
        """Nothing, for a smoke check itself and where the adapter passes them all.

        Raises:
            NotRun: it does not.
        """
        name = planned.cell.sparsifier
        if planned.cell.area == SMOKE:
            return
        if name not in self._red:
            self._red[name] = _first_red(self._session.of(name))
        if (red := self._red[name]) is not None:
            raise NotRun(f"{red.cell} is {red.verdict.value}: {red.message}")


def _first_red(judged: Judged) -> Record | None:
    records = (weigh(_tried(one, judged), judged.expectations) for one in judged.smoke)
    return next((record for record in records if record.verdict.is_red), None)


def _tried(planned: Planned, judged: Judged) -> Record:
    trial = Trial(planned.cell, judged.found.adapter)
    try:
        with trial.guard.watch():
            CHECKS[planned.cell.requirement](trial)
    except (KeyboardInterrupt, Exit):
        raise
    except BaseException as error:
        return failed(planned.cell.id, error, judged.found.adapter)
    return passed(planned.cell.id, None)
