"""Measure the memory of the tensors that a piece of work has made and not freed."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..values.violation import require
from .snapshot import model_tensors

if TYPE_CHECKING:
    from ..adapter.protocol import Sparsified
    from ..trials.trial import Trial

SLACK = 128
"""Bytes that a sparsifier may add for numbers of its own, such as a level."""


@contextmanager
def counted() -> Iterator[None]:
    """Leave out of `held` every tensor that there is now."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def held(trial: Trial) -> int:
    """Return the bytes of all tensors that were made since `counted` began and are alive.

    The inputs and batches that the trial has lent to the adapter since then do not count.
    """
    gc.collect()
    alive = size(one for one in gc.get_objects() if issubclass(type(one), Tensor))
    contexts = [one.context for one in trial.lent]
    return alive - size(part for one in contexts for part in (one.example_input, *itertools.chain(*one.batches)))


def size(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of the storages of tensors, each storage once."""
    return sum({one.data_ptr(): one.nbytes() for tensor in tensors for one in _storages(tensor)}.values())


def _storages(tensor: Tensor) -> Iterator[Any]:
    """Yield the storage of a tensor; of one that packs its values, the storages of its parts."""
    if type(tensor) in (Tensor, nn.Parameter):
        yield tensor.untyped_storage()
        return
    for part in vars(tensor).values():
        if isinstance(part, Tensor):
            yield from _storages(part)


def of_planned(trial: Trial, model: nn.Module) -> int:
    """Return the bytes of the planned parameters of a dense model."""
    return size(model.get_parameter(name).detach() for name in trial.plan.names)


def of_model(model: nn.Module) -> int:
    """Return the bytes of the parameters and buffers of a model."""
    return size(model_tensors(model).values())


def attached(trial: Trial, model: nn.Module) -> Sparsified:
    """Attach, update and run a model."""
    sparsified = trial.attach(model)
    sparsified.update()
    with torch.no_grad():
        sparsified.model(trial.inputs())
    return sparsified


def rehearse(trial: Trial) -> None:
    """Go through the life of a model once, so that caches of torch and of the harness are filled before it counts."""
    own = copy(trial)
    own.lent = []
    sparsified = attached(own, own.dense_model())
    if trial.supports("finalize"):
        sparsified.finalize()


def assert_within(trial: Trial, seen: int, bound: int, kind: str, what: str) -> None:
    """Assert that a number of bytes is within a bound, and `SLACK` for small numbers of the sparsifier's own.

    Raises:
        Violation: It is not; its kind is `kind`.
    """
    names = ", ".join(trial.plan.names)
    message = f"{what} {seen} bytes, expected at most {bound}, and {SLACK} for numbers; planned are {names}"
    require(seen <= bound + SLACK, kind, message)
