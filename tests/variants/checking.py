"""The checks that a correct sparsifier makes before it touches a model, and after it is finalized."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear as _OfAttention

from sparsecheck import Given, Plan, Refusal, Sparsified

S = TypeVar("S", bound=type[Sparsified])


def check(model: nn.Module, plan: Plan) -> None:
    """Check that every planned parameter exists, is dense and untied, and has the shape of its given mask.

    Raises:
        ValueError: A parameter does not exist, or its mask has another shape.
        Refusal: A parameter is tied.
    """
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for name, pattern in plan.patterns.items():
        if name not in parameters:
            raise ValueError(f"{name} is no parameter, or is sparsified already")
        if sum(parameter is parameters[name] for parameter in parameters.values()) > 1:
            raise Refusal(f"{name} is shared by two layers")
        if isinstance(pattern, Given) and pattern.mask.shape != parameters[name].shape:
            raise ValueError(f"{name} has shape {tuple(parameters[name].shape)}, its mask {pattern.mask.shape}")


def closed_by_finalize(kind: S) -> S:
    """Make a sparsifier refuse update, save, load and finalize once it has been finalized."""
    for call in ("update", "save", "load", "finalize"):
        setattr(kind, call, _refusing(call, getattr(kind, call)))
    return kind


def _refusing(call: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def guarded(self: Sparsified, *args: Any, **kwargs: Any) -> Any:
        if vars(self).get("is_final"):
            raise ValueError(f"{call}: {', '.join(self.plan.names)} are finalized")
        result = method(self, *args, **kwargs)
        vars(self)["is_final"] = call == "finalize"
        return result

    return guarded


def check_layers(model: nn.Module, plan: Plan) -> None:
    """Refuse every parameter but the weights of layers that read them as an attribute in forward.

    Raises:
        ValueError: One belongs to a recurrent layer or to attention, or is no weight.
    """
    for name in plan.names:
        path, _, attribute = name.rpartition(".")
        layer = model.get_submodule(path)
        is_plain = isinstance(layer, nn.Linear | nn.Embedding | _ConvNd) and type(layer) is not _OfAttention
        if attribute != "weight" or not is_plain:
            raise ValueError(f"{name}: {type(layer).__name__} is not supported")
