"""From what a case raised, if it did, to the record of its cell."""

from __future__ import annotations

import traceback
from pathlib import Path

from _pytest.outcomes import Exit, Failed, Skipped, XFailed

from ..adapter.protocol import Adapter
from ..oracle.references import InvalidReference
from ..report.verdict import recordable, said, signature
from ..trials.adapter_errors import innermost_line
from ..trials.refusal import RefusedBy
from ..values.record import Record, Verdict
from ..values.violation import Violation

_OUTCOMES = (Skipped, XFailed, Failed, Exit, InvalidReference)


class NotRun(Exception):
    """Nothing is judged of a sparsifier whose adapter fails a smoke check; the message says which, and how."""


def passed(cell: str, refused_by: RefusedBy | None, seconds: float = 0.0) -> Record:
    """Of a case that raised nothing; of a refusal, if someone refused."""
    if refused_by is None:
        return Record(cell, Verdict.PASSED, seconds=seconds)
    return Record(cell, Verdict.REFUSED, refused_by=refused_by, seconds=seconds)


def failed(
    cell: str, error: BaseException, adapter: Adapter, seconds: float = 0.0, judging: bool = True
) -> Record:
    """Of a case that raised. judging: whether it was the case itself, and nothing before or after it."""
    return Record(cell, _red(error, judging), signature(error), _message(error, adapter), seconds=seconds)


def _red(error: BaseException, judging: bool) -> Verdict:
    """A judgement that went against the sparsifier, or one that could not be made."""
    if isinstance(error, NotRun):
        return Verdict.NOT_RUN
    judged = isinstance(error, Exception) and not isinstance(error, _OUTCOMES) and judging
    return Verdict.FAILED if judged else Verdict.ERROR


def _message(error: BaseException, adapter: Adapter) -> str:
    if isinstance(error, (Violation, NotRun)):
        return recordable(error.message if isinstance(error, Violation) else str(error))
    if isinstance(error, (Skipped, XFailed, Exit)):
        return f"it called pytest.{type(error).__name__.lower()}: a sparsifier cannot skip a case ({said(error)})"
    return f"raised {type(error).__name__}: {said(error)} (in {_places(error, adapter)})"


def _places(error: BaseException, adapter: Adapter) -> str:
    """The line that raised, and the last one of the adapter's own before it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place, own = f"{frame.name}, {Path(frame.filename).name}:{frame.lineno}", innermost_line(error, adapter)
    return f"{place}; called in {own}" if own not in ("", place) else place
