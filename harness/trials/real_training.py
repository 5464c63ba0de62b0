"""Train a small real network without a sparsifier, and measure its accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..adapter.protocol import Batch, Context
from . import resuming
from .digits import TRAINING
from .real_networks import FAMILIES
from .trial import Trial

BATCH, TESTED = 48, 256
"""The number of images in a batch, which divides the number to train on, and of those that measure the accuracy."""

_DENSE_STEPS = 64
_SEEDS = {"": 1, "restored": 2}


@contextmanager
def reproducible(trial: Trial) -> Iterator[None]:
    """Compute in one thread, so that sums do not depend on the machine, from the same random states."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with resuming.reproducible(trial):
            yield
    finally:
        torch.set_num_threads(threads)


def dense_model(trial: Trial) -> nn.Module:
    """Return the network that the cell names, trained, and set the random states."""
    model, weights = untrained(trial.cell.layer), _trained(trial.cell.layer)
    model.load_state_dict(weights)
    trial.guard.seed()
    return model


def untrained(family: str, variant: str = "") -> nn.Module:
    """Return a network before its training; those of one `variant` have equal weights."""
    torch.manual_seed(_SEEDS[variant])
    return FAMILIES[family].build()


@lru_cache(maxsize=len(FAMILIES))
def _trained(family: str) -> dict[str, Tensor]:
    model = untrained(family)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for inputs, target in batches(family, 0, _DENSE_STEPS):
        optimizer.zero_grad()
        functional.cross_entropy(model(inputs), target).backward()
        optimizer.step()
    return model.state_dict()


@lru_cache(maxsize=len(FAMILIES))
def _task(family: str) -> Batch:
    return FAMILIES[family].task()


def batches(family: str, start: int, stop: int) -> Iterator[Batch]:
    """Yield the batches of some steps, always in the same order; after the last image comes the first again."""
    inputs, targets = _task(family)
    for step in range(start, stop):
        first = step * BATCH % TRAINING
        yield inputs[first:first + BATCH].clone(), targets[first:first + BATCH].clone()


def context(family: str) -> Context:
    """Return the context that an adapter gets; its targets have the shape of the output, one for the right class."""
    classes = FAMILIES[family].classes
    calibration = tuple(
        (inputs, functional.one_hot(target, classes).movedim(-1, 1).float().contiguous())
        for inputs, target in batches(family, 0, 2)
    )
    return Context(calibration[0][0].clone(), calibration, torch.device("cpu"), torch.float32)


def tested(family: str) -> Batch:
    """Return images that no network was trained on, and the answers."""
    inputs, targets = _task(family)
    return inputs[TRAINING:TRAINING + TESTED].clone(), targets[TRAINING:TRAINING + TESTED].clone()


def output(model: nn.Module, family: str) -> Tensor:
    """Return the output for the images that no network was trained on, in eval mode."""
    with evaluating(model), torch.no_grad():
        seen: Tensor = model(tested(family)[0])
    return seen.clone()


def accuracy(seen: Tensor, family: str) -> float:
    """Return the part of right answers in an output."""
    return round(float((seen.argmax(1) == tested(family)[1]).double().mean()), 4)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into eval mode inside, and then into the mode that it was in."""
    mode = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(mode)
