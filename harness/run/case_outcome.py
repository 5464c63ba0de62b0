"""Turn the outcome of a case into the record of its cell."""

from __future__ import annotations

from pathlib import Path
from traceback import extract_tb  # bound here, where no adapter can replace it

from _pytest.outcomes import Exit, Failed, Skipped, XFailed

from ..adapter.protocol import Adapter
from ..oracle.references import InvalidReference
from ..report.verdict import recordable, said, signature, type_name
from ..trials.adapter_errors import innermost_line
from ..values.record import Record, Verdict
from ..values.violation import CannotJudge, Violation
from .case_run import CaseResult, VoidResult

_OUTCOMES = (Skipped, XFailed, Failed, Exit, InvalidReference, CannotJudge)
"""Exceptions that say nothing about the sparsifier: the case did not reach a judgement."""


class NotRun(Exception):
    """Raised instead of running a case whose adapter fails a smoke check; the message names the check."""


def passed(cell: str, result: CaseResult, seconds: float = 0.0) -> Record:
    """Return the record of a case that passed or was refused."""
    refused_by, comparisons, parameters, (covers, coverable), accuracy = result
    verdict = Verdict.PASSED if refused_by is None else Verdict.REFUSED
    return Record(
        cell, verdict, refused_by=refused_by or "", seconds=seconds, comparisons=comparisons, parameters=parameters,
        covers=covers, coverable=coverable, accuracy=accuracy,
    )


def failed(
    cell: str, error: BaseException, adapter: Adapter, seconds: float = 0.0, judging: bool = True
) -> Record:
    """Return the record of a case that raised.

    Args:
        cell: The cell's id.
        error: The exception.
        adapter: The adapter under test; the message names its innermost line.
        seconds: The duration of the case.
        judging: Whether the case itself raised, and not its setup or teardown.
    """
    return Record(cell, red_verdict(error, judging), signature(error), _message(error, adapter), seconds=seconds)


def red_verdict(error: BaseException, judging: bool = True) -> Verdict:
    """Return FAILED if the sparsifier was judged and failed, ERROR or NOT_RUN if it could not be judged."""
    if isinstance(error, NotRun):
        return Verdict.NOT_RUN
    if isinstance(error, VoidResult):
        return Verdict.ERROR
    judged = isinstance(error, Exception) and not isinstance(error, _OUTCOMES) and judging
    return Verdict.FAILED if judged else Verdict.ERROR


def _message(error: BaseException, adapter: Adapter) -> str:
    if isinstance(error, (Violation, NotRun, CannotJudge)):
        return recordable(error.message if isinstance(error, Violation) else str(error))
    if isinstance(error, (Skipped, XFailed, Exit)):
        return f"it called pytest.{type_name(error).lower()}: a sparsifier cannot skip a case ({said(error)})"
    return f"raised {type_name(error)}: {said(error)} (in {_location(error, adapter)})"


def _location(error: BaseException, adapter: Adapter) -> str:
    """Return the line that raised, and the adapter's innermost line if that is another one."""
    frames = extract_tb(error.__traceback__)
    if not frames:
        return "an unknown place: its traceback was removed"
    frame = frames[-1]
    place, own = f"{frame.name}, {Path(frame.filename).name}:{frame.lineno}", innermost_line(error, adapter)
    return f"{place}; called in {own}" if own not in ("", place) else place
