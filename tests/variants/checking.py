"""What a correct sparsifier looks at before it touches a model."""

from __future__ import annotations

from torch import nn

from sparsecheck import Given, Plan, Refusal


def check(model: nn.Module, plan: Plan) -> None:
    """Everything planned is there, dense, of one layer alone, and of the shape of a mask that is given for it.

    Raises:
        ValueError: it is not; Refusal: it is shared.
    """
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for name, pattern in plan.patterns.items():
        if name not in parameters:
            raise ValueError(f"{name} is no parameter, or is sparsified already")
        if sum(parameter is parameters[name] for parameter in parameters.values()) > 1:
            raise Refusal(f"{name} is shared by two layers")
        if isinstance(pattern, Given) and pattern.mask.shape != parameters[name].shape:
            raise ValueError(f"{name} has shape {tuple(parameters[name].shape)}, its mask {pattern.mask.shape}")
