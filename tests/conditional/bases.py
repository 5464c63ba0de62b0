"""What conditional miniatures are built on: an exemplar with one place to do something wrong."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from sparsecheck import Block, Channel, Pattern, Plan, Unstructured
from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.shipped.exemplar import Exemplar, Keep, new_mask
from sparsecheck.values.contract import Contract


class Misranks(Exemplar):
    """Ranks `look_at(name, weight)` instead of the weight."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        raise NotImplementedError

    def _dense(self, name: str) -> Tensor:
        return self.look_at(name, super()._dense(name))


class Remasks(Exemplar):
    """Replaces each correct mask by `remask(name, mask)`; `levels` has the level of every update so far."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        self.levels: list[float | None] = []
        super().__init__(model, plan, contract)

    def remask(self, name: str, mask: Tensor) -> Tensor:
        raise NotImplementedError

    def update(self, level: float | None = None) -> None:
        earlier = {name: self.mask_tensor(name).clone() for name in self.plan.names}
        super().update(level)
        self.levels.append(level)
        self.earlier = earlier
        with torch.no_grad():
            for name in self.plan.names:
                self.mask_tensor(name).copy_(self.remask(name, self.mask_tensor(name).clone()))

    def module(self, name: str) -> nn.Module:
        """Return the layer that holds a parameter."""
        return self.model.get_submodule(split_name(name)[0])

    def pattern(self, name: str) -> Pattern:
        """Return the pattern of the last update."""
        level = self.levels[-1]
        return (self.plan if level is None else self.plan.at_level(level)).patterns[name]

    def mask_each(self, name: str, parts: int) -> Tensor:
        """Return the mask of a parameter whose `parts` along dimension 0 are each pruned to the level."""
        pattern, weight = self.pattern(name), self._dense(name)
        chunks = zip(weight.chunk(parts), self.earlier[name].chunk(parts), strict=True)
        return torch.cat([new_mask(pattern, chunk, kept, self.contract) for chunk, kept in chunks])


class Relevels(Exemplar):
    """Carries out `relevel(level)` for every level, of the plan and of an update."""

    def relevel(self, level: float) -> float:
        raise NotImplementedError

    def _at(self, pattern: Pattern) -> Pattern:
        if isinstance(pattern, (Unstructured, Block, Channel)):
            return replace(pattern, level=self.relevel(pattern.level))
        return pattern

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        return super()._ranked_each(Plan({name: self._at(one) for name, one in plan.patterns.items()}, plan.scope))


class Forgetful(Keep):
    """A parametrization that returns the dense weight while `forgets(weight)`."""

    def forgets(self, weight: Tensor) -> bool:
        raise NotImplementedError

    def forward(self, weight: Tensor) -> Tensor:
        return weight * 1 if self.forgets(weight) else super().forward(weight)


