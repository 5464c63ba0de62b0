"""The exemplar with places for a fault, which consults a condition each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from sparsecheck import Pattern, Plan, Saved
from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter, Keep
from sparsecheck.values.contract import Contract

Kind = Literal["wrong rule", "wrong tensor", "wrong moment", "lost state", "leaked state"]
Axis = Literal["layer", "size", "dtype", "memory", "value", "mode", "call", "plan"]
Place = Literal["pattern", "rank", "mask", "use", "copy", "cast", "updated", "saved", "loaded", "finalize", "finalized"]


@dataclass(frozen=True)
class At:
    """One parameter at one moment in the life of a faulty sparsifier.

    Attributes:
        work: The sparsifier.
        name: The name of the parameter.
        given: In forward, the dense weight with its graph.
    """

    work: Faulty
    name: str
    given: Tensor | None = None

    @property
    def module(self) -> nn.Module:
        return self.work.model.get_submodule(split_name(self.name)[0])

    @property
    def weight(self) -> Tensor:
        """Return the dense weight."""
        return self.work.true_dense(self.name)

    @property
    def original(self) -> nn.Parameter:
        path, attribute = split_name(self.name)
        return self.work.model.get_parameter(f"{path}.parametrizations.{attribute}.original".lstrip("."))

    @property
    def mask(self) -> Tensor:
        return self.work.mask_tensor(self.name)

    @property
    def pattern(self) -> Pattern:
        """Return the pattern of the last update, or of the plan."""
        return self.work.planned.patterns[self.name]

    @property
    def calls(self) -> int:
        """Return the number of updates, with the one that is going on."""
        return len(self.work.levels)

    @property
    def levels(self) -> list[float | None]:
        return self.work.levels


@dataclass(frozen=True)
class Fault:
    """Something that a sparsifier does wrong.

    Attributes:
        name: A short name.
        kind: The kind of fault.
        place: The place in the exemplar.
        act: Returns the wrong value in place of the right one; where there is none, it does something wrong.
        scene: Attributes of a scene that shows it.
        steps: The steps that follow on the updates of a condition.
    """

    name: str
    kind: Kind
    place: Place
    act: Callable[[At, Any], Any]
    scene: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Any, ...] = ("forward", "backward")


@dataclass(frozen=True)
class Condition:
    """A condition under which a fault shows.

    Attributes:
        name: A short name.
        axis: The axis on which it lies.
        holds: Returns whether it is met.
        scene: Attributes of a scene in which it is met.
        steps: The updates of such a scene.
    """

    name: str
    axis: Axis
    holds: Callable[[At], bool]
    scene: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Any, ...] = ("update", "write", "update")


class FaultyKeep(Keep):
    """Applies a fault in forward, in a copy or in a cast."""

    at: tuple[Faulty, str] | None = None

    def forward(self, weight: Tensor) -> Tensor:
        masked = super().forward(weight)
        if self.at is None:
            return masked
        used: Tensor = self.at[0].do("use", self.at[1], masked, weight)
        return used

    def __deepcopy__(self, memo: dict[int, Any]) -> FaultyKeep:
        mask = self.mask if self.at is None else self.at[0].do("copy", self.at[1], self.mask)
        twin = type(self)(mask, "mask" not in self._non_persistent_buffers_set).train(self.training)
        twin.mask.copy_(mask)
        return twin

    def _apply(self, fn: Any, *arguments: Any) -> Any:
        if self.at is not None and fn(torch.ones(1, dtype=torch.float32)).dtype != torch.float32:
            self.mask.copy_(self.at[0].do("cast", self.at[1], self.mask))
        return super()._apply(fn, *arguments)  # type: ignore[no-untyped-call]


class Faulty(Exemplar):
    """The exemplar with `fault` whenever `condition` holds.

    Attributes:
        levels: The level of every update so far.
        planned: The plan of the last update.
        earlier: The masks before it.
    """

    keep = FaultyKeep
    fault: ClassVar[Fault]
    condition: ClassVar[Condition]

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        self.levels: list[float | None] = []
        self.planned, self.earlier = plan, dict[str, Tensor]()
        super().__init__(model, plan, contract)
        for name in plan.names:
            vars(next(self.parametrizations(name)))["at"] = (self, name)

    def do(self, place: Place, name: str, value: Any, given: Tensor | None = None) -> Any:
        """Return the right value, or under the condition the wrong one."""
        at = At(self, name, given)
        return self.fault.act(at, value) if self.fault.place == place and self.condition.holds(at) else value

    def _dense(self, name: str) -> Tensor:
        ranked: Tensor = self.do("rank", name, super()._dense(name))
        return ranked

    def true_dense(self, name: str) -> Tensor:
        return super()._dense(name)

    def update(self, level: float | None = None) -> None:
        self.levels.append(level)
        right = self.planned = self.plan if level is None else self.plan.at_level(float(level))
        self.earlier = {name: self.mask_tensor(name).clone() for name in right.names}
        wrong = {name: self.do("pattern", name, pattern) for name, pattern in right.patterns.items()}
        plan, self.plan = self.plan, Plan(wrong, right.scope)
        super().update()
        self.plan = plan
        with torch.no_grad():
            for name in right.names:
                self.mask_tensor(name).copy_(self.do("mask", name, self.mask_tensor(name).clone()))
        for name in right.names:
            self.do("updated", name, None)

    def save(self) -> Saved:
        saved = super().save()
        for name in self.plan.names:
            self.do("saved", name, saved.model)
        return saved

    def load(self, saved: Saved) -> None:
        before = {name: self.mask_tensor(name).clone() for name in self.plan.names}
        super().load(saved)
        for name in self.plan.names:
            self.do("loaded", name, before[name])

    def finalize(self) -> nn.Module:
        self._refuse_if_finalized("finalize")
        wrong = [At(self, name) for name in self.plan.names if self.condition.holds(At(self, name))]
        held = [(at, at.module, at.mask) for at in wrong]
        for at in wrong if self.fault.place == "finalize" else ():
            self.fault.act(at, None)
        model = super().finalize()
        for at, *parts in held if self.fault.place == "finalized" else ():
            self.fault.act(at, parts)
        return model


class FaultyAdapter(ExemplarAdapter):
    """Adapter of a faulty exemplar."""

    sparsified: ClassVar[type[Exemplar]] = Faulty
