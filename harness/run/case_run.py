"""Run a case, and reject a result that does not count: too late, by another declaration, or without a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from time import perf_counter
from typing import NamedTuple

from ..adapter.declaring import describe_change, restore_declaration
from ..trials.refusal import RefusedBy
from ..trials.trial import Trial
from ..values.comparisons import counting, named_in
from ..values.record import Accuracy
from ..values.violation import Violation

_now = perf_counter
"""The clock, bound before any adapter is imported, which could replace it."""


class VoidResult(Violation):
    """The result of a case does not count, whatever it is."""


class CaseResult(NamedTuple):
    """The result of a case that raised nothing.

    Attributes:
        refused_by: Who refused, if the case judges a refusal.
        comparisons: The number of comparisons.
        parameters: The number of planned parameters that were compared.
        covers: For a program, the pairs that it adds to the coverage, and all that are possible.
        accuracy: For a network that was trained on real data, its accuracy.
    """

    refused_by: RefusedBy | None
    comparisons: int
    parameters: int
    covers: tuple[int, int] = (0, 0)
    accuracy: Accuracy | None = None


def run_case(
    case: Callable[[Trial], RefusedBy | None], trial: Trial, instead: str = "", limit: float = inf
) -> CaseResult:
    """Run a case on one cell.

    Args:
        case: The case, or a smoke check.
        trial: Its argument.
        instead: What it compares instead of every planned parameter, or an empty string.
        limit: The seconds that it may take. pytest-timeout ends it then by an exception, which a sparsifier can catch.

    Raises:
        VoidResult: It took too long (`over-limit`), the adapter changed its declaration (`declaration-changed`), or
            nothing was compared (`nothing-compared`).
    """
    start = _now()
    try:
        with counting() as subjects:
            refused_by = case(trial)
    except Exception as error:
        _reject(trial, _now() - start, limit, error)
        raise
    _reject(trial, _now() - start, limit)
    return CaseResult(refused_by, len(subjects), _parameters(trial, subjects, instead), trial.covers, trial.accuracy)


def _reject(trial: Trial, seconds: float, limit: float, error: Exception | None = None) -> None:
    """Raise if the result of a case does not count.

    Raises:
        VoidResult: It took too long, or the adapter changed its declaration, which is then undone.
    """
    if change := describe_change(trial.adapter, trial.declaration):
        restore_declaration(trial.adapter, trial.declaration)
        advice = "declare in the class body what the sparsifier does, and do not change it"
        message = f"the adapter changed its declaration while the case ran: {change}; {advice}"
        raise VoidResult("declaration-changed", message) from error
    if seconds > limit:
        unended = "the exception that ends it then was caught, or its timer was stopped"
        message = f"the case took {seconds:.1f} s, more than its limit of {limit:g} s; {unended}"
        raise VoidResult("over-limit", message) from error


def _parameters(trial: Trial, subjects: Sequence[str], instead: str) -> int:
    """Return how many planned parameters were compared.

    Raises:
        VoidResult: One was not, and the case does not say what it compares instead; or nothing at all was compared, or
            one has disappeared from the case's own plan.
    """
    names, left = trial.network.planned, set(trial.plan.names)
    compared = [name for name in named_in(subjects, names) if name in left]
    if not subjects or left != set(names) or not (instead or len(compared) == len(names)):
        lacking = ", ".join(name for name in names if name not in compared)
        bug = "unless the sparsifier reaches into sparsecheck, this is a mistake there; please report it"
        raise VoidResult("nothing-compared", f"the case compared nothing of {instead or lacking}: {bug}")
    return len(compared)
