"""A small pruning package, as yours might be: magnitude pruning with a parametrization."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class Mask(nn.Module):
    mask: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones_like(weight, dtype=torch.bool))

    def forward(self, weight: Tensor) -> Tensor:
        return weight.masked_fill(~self.mask, 0)


class MagnitudePruner:
    """Prunes each named weight to its own level; `step` ranks the dense weights again.

    A weight that several layers share is refused, because it cannot be pruned in one of them alone.
    """

    def __init__(self, model: nn.Module, levels: dict[str, float]) -> None:
        self.levels = levels
        self.places = {name: _place(model, name) for name in levels}
        for module, attribute in self.places.values():
            parametrize.register_parametrization(module, attribute, Mask(getattr(module, attribute)))

    def step(self, level: float | None = None) -> None:
        for name, (module, attribute) in self.places.items():
            parametrizations = getattr(module.parametrizations, attribute)
            scores = parametrizations.original.detach().abs().flatten()
            removed = round((self.levels[name] if level is None else level) * scores.numel())
            mask = torch.ones_like(scores, dtype=torch.bool)
            mask[scores.argsort()[:removed]] = False
            parametrizations[0].mask.copy_(mask.view_as(parametrizations.original))


def _place(model: nn.Module, name: str) -> tuple[nn.Module, str]:
    path, _, attribute = name.rpartition(".")
    try:
        module = model.get_submodule(path)
    except AttributeError:
        raise KeyError(f"no parameter is called {name}") from None
    weight = module._parameters.get(attribute)
    if not isinstance(weight, nn.Parameter):
        raise KeyError(f"no dense parameter is called {name}")
    names = [other for other, one in model.named_parameters(remove_duplicate=False) if one is weight]
    if len(names) > 1:
        raise ValueError(f"one weight is shared as {', '.join(names)}: it cannot be pruned as {name} alone")
    return module, attribute
