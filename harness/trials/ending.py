"""End a call of a sparsifier midway by an exception, and assert that it left everything as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import nn

from ..adapter.protocol import Sparsified
from ..values.violation import require
from .baseline import Baseline
from .interrupting import interrupt, operators_of
from .snapshot import Untouched
from .training import raised_level
from .trial import Trial

_MOST = 12
"""The number of operators at which a call is ended: its first, its last, and others evenly spread between."""


@dataclass(frozen=True)
class _Call:
    """A call that is about to be made.

    Attributes:
        make: Makes it.
        model: The model that must stay as it is.
        sparsified: The sparsifier that must stay as it is, if there is one yet.
    """

    make: Callable[[], object]
    model: nn.Module
    sparsified: Sparsified | None = None


def assert_undone(trial: Trial, name: str) -> None:
    """Assert that a call leaves everything as it was if an exception ends it at one of its operators.

    Args:
        trial: The cell.
        name: The call, a word of the clause `undone`.

    Raises:
        Violation: The model (`not-undone`), a mask, a weight or the output has changed.
    """
    count = operators_of(_prepared(trial, name).make, trial.guard)
    if not count:
        require(True, "not-undone", f"{name} of {', '.join(trial.plan.names)} runs no operator at which it could end")
    for at in _spread(count):
        call, what = _prepared(trial, name), f"{name} that an exception has ended at operator {at + 1} of {count}"
        untouched = Untouched(call.model)
        baseline = None if call.sparsified is None else Baseline.of(trial, call.sparsified)
        if not interrupt(call.make, at, trial.guard):
            continue
        untouched.assert_unchanged("not-undone", f"the model after {what}")
        if call.sparsified is not None and baseline is not None:
            baseline.assert_matches(call.sparsified, f"after {what}")


def _prepared(trial: Trial, name: str) -> _Call:
    """Return a call on a fresh model."""
    if name == "attach":
        model = trial.dense_model()
        return _Call(lambda: trial.attach(model), model)
    if name == "restore":
        saved, model = trial.sparsified().save(), trial.dense_model("restored")
        return _Call(lambda: trial.restore_without_update(saved, model), model)
    sparsified, level = (trial.sparsified(), raised_level(trial)) if _has_more(trial, name) else (trial.attach(), None)
    if name == "update":
        return _Call(lambda: sparsified.update(level), sparsified.model, sparsified)

    def finalize() -> None:
        with trial.guard.contain():
            sparsified.finalize()

    return _Call(finalize, sparsified.model, sparsified)


def _has_more(trial: Trial, name: str) -> bool:
    """Return whether the call comes after a first update."""
    return name != "update" or trial.supports("reupdate")


def _spread(count: int) -> Iterator[int]:
    """Yield at most `_MOST` of the numbers below `count`, with the first and the last."""
    number = min(count, _MOST)
    yield from sorted({round(at * (count - 1) / max(1, number - 1)) for at in range(number)})
