"""What people put on a sparse model, or do with it: parametrizations, transforms, checkpointing, averages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional
from torch.nn.utils import parametrizations, parametrize
from torch.optim import SGD
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn
from torch.utils.checkpoint import checkpoint

from ..oracle.compare import array
from ..oracle.units import Reals
from ..values.violation import CannotJudge, Violation, require
from . import places
from .used_weights import gradient

if TYPE_CHECKING:
    from ..adapter.protocol import Sparsified
    from ..trials.trial import Trial

Run = Callable[[], None]
"""Computes gradients."""

@contextmanager
def errors_allowed(what: str) -> Iterator[None]:
    """Let any error but a violation end the code inside, since nothing was promised.

    Args:
        what: The subject of the message of this comparison.
    """
    try:
        yield
    except (Violation, CannotJudge):
        raise
    except Exception as error:
        require(True, "never-wrong", f"{what} raises {type(error).__name__}")


# ------------------------------------------------------------------ parametrizations


class Doubled(nn.Module):
    """A user's own parametrization: twice the weight."""

    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


_PARAMETRIZE: dict[str, Callable[[nn.Module, str], object]] = {
    "own-parametrization": lambda layer, name: parametrize.register_parametrization(layer, name, Doubled()),
    "weight-norm": parametrizations.weight_norm,
    "spectral-norm": parametrizations.spectral_norm,
}


def parametrize_planned(trial: Trial, model: nn.Module) -> None:
    """Put the parametrization that the cell names on every planned weight of a model."""
    for name in trial.plan.names:
        layer = places.layer(trial, model, name.rpartition(".")[0])
        with torch.random.fork_rng([]):
            _PARAMETRIZE[trial.cell.layer](layer, name.rpartition(".")[2])


# ---------------------------------------------------------------------- the attribute


def read_attributes(trial: Trial, model: nn.Module, given: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Return the attribute `weight` of every planned layer, as its user reads it.

    Args:
        trial: The cell.
        model: The sparse model.
        given: The modules of the dense model before attach.

    Raises:
        Violation: A layer has no such attribute (`attribute-missing`).
    """
    layers = {name: places.layer(trial, model, name.rpartition(".")[0], given) for name in trial.plan.names}
    found = {name: getattr(layer, name.rpartition(".")[2], None) for name, layer in layers.items()}
    for name, weight in found.items():
        if not isinstance(weight, Tensor):
            raise Violation("attribute-missing", f"{name} of a sparse model is {type(weight).__name__}, no tensor")
    return {name: weight for name, weight in found.items() if isinstance(weight, Tensor)}


def assign(layer: nn.Module, name: str, weight: Tensor) -> None:
    """Assign a new weight to a layer: a Parameter, unless a parametrization of torch takes it as a tensor."""
    setattr(layer, name, weight if parametrize.is_parametrized(layer, name) else nn.Parameter(weight))


def low_rank(weight: Tensor) -> Tensor:
    """Return a matrix of rank one in the shape of a weight, whose entries are between 1 and 2."""
    rows = torch.linspace(1, 2, len(weight), dtype=weight.dtype, device=weight.device)
    flat = torch.ones_like(weight.detach().reshape(len(weight), -1)).to(weight.dtype)
    return (rows[:, None] * flat).view(weight.shape)


def step_without_learning(trial: Trial, sparsified: Sparsified) -> None:
    """Train for one step at a learning rate of zero, after which a package has done what it does after each step."""
    optimizer = SGD(sparsified.model.parameters(), lr=0.0)
    sparsified.train(trial.batches(1, "merge"), functional.mse_loss, optimizer)


# ------------------------------------------------------------------- other ways to run


def gradients(trial: Trial, sparsified: Sparsified, run: Run, what: str) -> dict[str, Reals]:
    """Return the gradients of all parameters that get one, after `run` has computed them from none.

    Raises:
        Violation: No parameter gets one (`gradient-missing`).
    """
    sparsified.model.zero_grad(set_to_none=True)
    run()
    named = dict(sparsified.model.named_parameters())
    found = {name: gradient(one, what).copy() for name, one in named.items() if one.grad is not None}
    if not found:
        raise Violation("gradient-missing", f"{what}: backward leaves no gradient of {', '.join(trial.plan.names)}")
    return found


def checkpointed(trial: Trial, model: nn.Module, inputs: Tensor) -> Tensor:
    """Return the output of a model that is run by the checkpointing that the cell names."""
    is_reentrant = trial.cell.layer == "checkpoint-reentrant"
    output: Tensor = checkpoint(model, inputs.requires_grad_(), use_reentrant=is_reentrant)
    return output


def transformed(trial: Trial, model: nn.Module) -> Iterator[tuple[str, Any, Any]]:
    """Yield what a transform of torch.func computes, and what it must be: an output, or a gradient by name.

    Yields:
        Words, the value seen, and the value expected.
    """
    inputs, parameters = trial.inputs("fresh"), dict[str, Tensor](model.named_parameters())
    if trial.cell.layer == "grad":
        yield from _gradients(trial, model)
    elif trial.cell.layer == "vmap":
        seen = vmap(model)(inputs.unsqueeze(1)).squeeze(1)
        yield "the output of vmap", seen, model(inputs)
    else:
        yield "the output of functional_call", functional_call(model, parameters, (inputs,)), model(inputs)
        doubled = {name: 2 * one.detach() for name, one in parameters.items()}
        seen = functional_call(model, doubled, (inputs,))
        with torch.no_grad():
            for one in model.parameters():
                one.mul_(2)
        yield "the output of functional_call with doubled parameters", seen, model(inputs)


def _gradients(trial: Trial, model: nn.Module) -> Iterator[tuple[str, Any, Any]]:
    [(inputs, target)] = trial.batches(1, "gradient")

    def loss(parameters: dict[str, Tensor]) -> Tensor:
        output: Tensor = functional_call(model, parameters, (inputs,))
        return (output * target).sum()

    seen = grad(loss)({name: one.detach() for name, one in model.named_parameters()})
    trial.backward(model)
    for name, parameter in model.named_parameters():
        yield f"the gradient of {name} by torch.func.grad", seen[name], gradient(parameter, f"gradient of {name}")


# --------------------------------------------------------------------------- averages

DECAY = 0.75


def average_of(model: nn.Module, kind: str) -> AveragedModel:
    """Return an average that begins with a model as it is: `ema`, `ema-buffers` or `swa`."""
    options: dict[str, Any] = {} if kind == "swa" else {"avg_fn": get_ema_avg_fn(DECAY)}
    averaged = AveragedModel(model, use_buffers=kind == "ema-buffers", **options)
    averaged.update_parameters(model)
    return averaged


def weight_of_the_first(kind: str) -> float:
    """Return the share of the first of two models in their average."""
    return 0.5 if kind == "swa" else DECAY


def observed_average(trial: Trial, kind: str) -> str:
    """Return `sparse`, `dense` or `error` for an average made before the first update that goes on after it."""
    sparsified = trial.attach()
    try:
        averaged = average_of(sparsified.model, kind)
        _train(trial, sparsified)
        sparsified.update()
        _train(trial, sparsified)
        averaged.update_parameters(sparsified.model)
        used = trial.used_weights(averaged.module)
    except Violation:
        raise
    except Exception:
        return "error"
    masks = trial.masks(sparsified)
    return "sparse" if all(not array(used[name])[~masks[name]].any() for name in trial.plan.names) else "dense"


def _train(trial: Trial, sparsified: Sparsified) -> None:
    optimizer = SGD(sparsified.model.parameters(), lr=0.1)
    sparsified.train(trial.batches(1, "lesson"), functional.mse_loss, optimizer)
