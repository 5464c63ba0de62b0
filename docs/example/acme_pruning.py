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
    """Prunes each named weight to its own level; `step` ranks the dense weights again, and `finish` ends pruning.

    A weight that several layers share is refused, because it cannot be pruned in one of them alone.
    """

    def __init__(self, model: nn.Module, levels: dict[str, float]) -> None:
        self.model, self.levels = model, levels
        self.places = {name: _place(model, name) for name in levels}
        self.order = {module: [*module._parameters] for module, _ in self.places.values()}
        for module, attribute in self.places.values():
            parametrize.register_parametrization(module, attribute, Mask(getattr(module, attribute)))

    def step(self, level: float | None = None) -> None:
        if level is not None and not 0 <= level <= 1:
            raise ValueError(f"level {level} is not a fraction from 0 to 1")
        if not self.places and self.levels:
            raise RuntimeError("pruning is finished: the masks are gone")
        for name, (module, _) in self.places.items():
            if self.model.get_submodule(name.rpartition(".")[0]) is not module:
                raise RuntimeError(f"{name}: another layer has taken the place of the one that is pruned")
        for name, (module, attribute) in self.places.items():
            parametrizations = getattr(module.parametrizations, attribute)
            scores = parametrizations.original.detach().abs().flatten()
            removed = round((self.levels[name] if level is None else level) * scores.numel())
            mask = torch.ones_like(scores, dtype=torch.bool)
            mask[scores.argsort()[:removed]] = False
            parametrizations[0].mask.copy_(mask.view_as(parametrizations.original))

    def finish(self) -> None:
        """Make the sparse weights plain parameters, in the order and the memory format of the dense ones."""
        for module, attribute in self.places.values():
            sparse = getattr(module, attribute).detach()
            parametrize.remove_parametrizations(module, attribute, leave_parametrized=False)
            module._parameters[attribute].data.copy_(sparse)
        for module, names in self.order.items():
            for name in names:
                module._parameters[name] = module._parameters.pop(name)
        self.places, self.order = {}, {}


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
