"""Sparsifiers that declare a capability which they lack, and say nothing when they are asked for it.

Each is the exemplar, or the structural one, with one capability taken away: by doing nothing, or by doing something
else instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from sparsecheck import Adapter, Band, Block, Channel, Context, NofM, Plan, Saved, Sparsified, Unstructured
from sparsecheck.adapter.protocol import _capability
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter, Keep
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover, StructuralExemplarAdapter
from sparsecheck.values.capability import BLOCK_PARTS, LAYER_KINDS, PARTS
from sparsecheck.values.pattern import Pattern
from tests.variants.doors import UncopiedAdapter, UnsavedTraceAdapter

from .honest import BASES, HOLDERS, HOLDS, PATTERNS, SCORES, Declaring, Make, exemplary, structural

Where = Callable[[nn.Module | None, Pattern, Context], bool]

_TYPES = {"linear": nn.Linear, "conv1d": nn.Conv1d, "conv2d": nn.Conv2d, "embedding": nn.Embedding}
_DTYPES = ("float64", "float32", "bfloat16", "float16")


def _layers(model: nn.Module) -> dict[str, nn.Module]:
    return {f"{path}.weight".removeprefix("."): module for path, module in model.named_modules()}


# ----------------------------------------------------------------- doing nothing


class PassesOver(ExemplarAdapter):
    """Leaves dense what `where` says, and says nothing."""

    def __init__(self, where: Where) -> None:
        self.where = where

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        layers = _layers(model)
        dense = [name for name, pattern in plan.patterns.items() if self.where(layers.get(name), pattern, context)]
        sparsified = super().attach(model, plan, context)
        assert isinstance(sparsified, Exemplar)
        update = sparsified.update

        def update_others(level: float | None = None) -> None:
            update(level)
            for name in dense:
                sparsified.mask_tensor(name).fill_(True)

        sparsified.update = update_others  # type: ignore[method-assign]
        return sparsified


class RemovesElsewhere(StructuralExemplarAdapter):
    """Leaves dense what `where` says, and says nothing."""

    def __init__(self, where: Where) -> None:
        self.where = where

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        layers = _layers(model)
        sparsified = super().attach(model, plan, context)
        assert isinstance(sparsified, ChannelRemover)
        chosen = sparsified.chosen

        def chosen_elsewhere(plan: Plan, names: tuple[str, ...]) -> list[int]:
            passes = any(self.where(layers.get(name), plan.patterns[name], context) for name in names)
            return [] if passes else chosen(plan, names)

        sparsified.chosen = chosen_elsewhere  # type: ignore[method-assign]
        return sparsified


def _is_layer(kind: str) -> Where:
    return lambda layer, pattern, context: isinstance(layer, _TYPES[kind])


def _is_pattern(capability: str) -> Where:
    return lambda layer, pattern, context: _capability(pattern) == capability


def _is_dtype(dtype: str) -> Where:
    return lambda layer, pattern, context: context.dtype == getattr(torch, dtype)


def _on(cpu: bool) -> Where:
    return lambda layer, pattern, context: (str(context.device) == "cpu") == cpu


def _is_part(pattern: str, part: str) -> Where:
    def where(layer: nn.Module | None, asked: Pattern, context: Context) -> bool:
        if isinstance(asked, Block) and part in BLOCK_PARTS:
            return asked.shape[1 if part == "kx1" else 0] == 1
        return _capability(asked) == pattern and isinstance(layer, _TYPES.get(part, ()))

    return where


def _parts() -> Iterator[tuple[str, str]]:
    yield from ((pattern, part) for pattern, parts in PARTS.items() for part in parts)
    yield from ((pattern, "embedding") for pattern in ("block", "n_of_m", "any_n_of_m", "band"))


# ---------------------------------------------------------- doing something else


class Replaces(ExemplarAdapter):
    """Carries out another plan than the one that it is given."""

    def __init__(self, change: Callable[[Plan], Plan]) -> None:
        self.change = change

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return super().attach(model, self.change(plan), context)


class ReplacesChannels(StructuralExemplarAdapter):
    """Carries out another plan than the one that it is given."""

    def __init__(self, change: Callable[[Plan], Plan]) -> None:
        self.change = change

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return super().attach(model, self.change(plan), context)


def _each(plan: Plan) -> Plan:
    return replace(plan, scope="each")


def _first_level(plan: Plan) -> Plan:
    [first, *_] = plan.patterns.values()
    if isinstance(first, Band | NofM):
        return replace(plan, patterns=dict.fromkeys(plan.patterns, first))
    level = getattr(first, "level", None)
    return plan if level is None else plan.at_level(level)


def _other_pattern(capability: str) -> Callable[[Plan], Plan]:
    def change(plan: Plan) -> Plan:
        return replace(plan, patterns={
            name: _SUBSTITUTES[capability](pattern) if _capability(pattern) == capability else pattern
            for name, pattern in plan.patterns.items()
        })

    return change


_SUBSTITUTES: dict[str, Callable[[Any], Pattern]] = {
    "given": lambda one: Unstructured(1 - float(one.mask.mean())),
    "unstructured": lambda one: Channel(one.level),
    "block": lambda one: Unstructured(one.level),
    "n_of_m": lambda one: Unstructured(0.5),
    "any_n_of_m": lambda one: NofM(2, 4),
    "channel": lambda one: Unstructured(one.level),
    "input_channel": lambda one: Channel(one.level),
    "band": lambda one: Band(1),
}


# -------------------------------------------------------------------- operations


class _Once(Exemplar):
    """Ranks at the first update and at a new level only."""

    last: object = None

    def update(self, level: float | None = None) -> None:
        if self.last is None or (level is not None and level != self.last):
            super().update(level)
            self.last = "the plan's" if level is None else level


class _IgnoresLevels(Exemplar):
    def update(self, level: float | None = None) -> None:
        super().update()


class _FirstLevelOnly(Exemplar):
    """Takes a level at the first update only."""

    is_updated = False

    def update(self, level: float | None = None) -> None:
        super().update(None if self.is_updated else level)
        self.is_updated = True


class _NoFirstLevel(Exemplar):
    """Takes a level at a further update only."""

    is_updated = False

    def update(self, level: float | None = None) -> None:
        super().update(level if self.is_updated else None)
        self.is_updated = True


class _RaisesOnly(Exemplar):
    """Takes a level above the plan's only."""

    def update(self, level: float | None = None) -> None:
        planned = max(getattr(pattern, "level", 0.0) for pattern in self.plan.patterns.values())
        super().update(level if level is None or level > planned else None)


class _LowersOnly(Exemplar):
    """Takes a level below the plan's only."""

    def update(self, level: float | None = None) -> None:
        planned = max(getattr(pattern, "level", 0.0) for pattern in self.plan.patterns.values())
        super().update(level if level is None or level < planned else None)


class _OnePlace(Exemplar):
    """Masks a shared parameter in the planned layer only."""

    def _register(self, name: str) -> None:
        weight = self.model.get_parameter(name)
        path, _, attribute = name.rpartition(".")
        keep = self.keep(weight, True)
        torch.nn.utils.parametrize.register_parametrization(self.model.get_submodule(path), attribute, keep)


class _StaysSparse(Exemplar):
    def finalize(self) -> nn.Module:
        return self.model


class _BackToDense(Exemplar):
    """Finalizes to the dense weights."""

    def finalize(self) -> nn.Module:
        for name in self.plan.names:
            self.mask_tensor(name).fill_(True)
        return super().finalize()


class _LoadsNothing(Exemplar):
    def load(self, saved: Saved) -> None:
        self.update()


class _LoadsWeights(Exemplar):
    """Loads the weights, and ranks them anew."""

    def load(self, saved: Saved) -> None:
        self.model.load_state_dict({name: one for name, one in saved.model.items() if not name.endswith(".mask")},
                                   strict=False)
        self.update()


class _LoadsMasks(Exemplar):
    """Loads the masks, and keeps the weights of the dense model."""

    def load(self, saved: Saved) -> None:
        self.model.load_state_dict({name: one for name, one in saved.model.items() if name.endswith(".mask")},
                                   strict=False)


_DOORS: dict[str, Callable[[Tensor], bool]] = {
    "trace": lambda weight: bool(torch._C._get_tracing_state()),
    "export": lambda weight: isinstance(weight, FakeTensor),
    "compile": lambda weight: torch.compiler.is_compiling() and not isinstance(weight, FakeTensor),
}
"""By capability, whether a weight goes through this door of torch now."""


class _FailsAt(Keep):
    """Raises if its weight goes through a door."""

    door: str

    def forward(self, weight: Tensor) -> Tensor:
        if _DOORS[self.door](weight):
            raise RuntimeError(f"there is no {self.door} of this")
        return super().forward(weight)


class _DenseAt(Keep):
    """Is dense if its weight goes through a door."""

    door: str

    def forward(self, weight: Tensor) -> Tensor:
        return weight * 1 if _DOORS[self.door](weight) else super().forward(weight)


def _at(door: str, keep: type[Keep]) -> type[Exemplar]:
    """Return the exemplar with a parametrization that goes wrong at a door."""
    return type(f"_{keep.__name__}{door}", (Exemplar,), {"keep": type(keep.__name__, (keep,), {"door": door})})


class _RemovesAtOneLevel(ChannelRemover):
    def update(self, level: float | None = None) -> None:
        super().update()


class _RestoresNothing(ChannelRemover):
    def load(self, saved: Saved) -> None:
        self.update()


OPERATIONS: dict[str, tuple[tuple[str, str, type[Sparsified]], ...]] = {
    "exemplar": (
        ("reupdate", "ranks once", _Once),
        ("relevel", "ignores levels", _IgnoresLevels),
        ("relevel", "takes a level at first only", _FirstLevelOnly),
        ("relevel", "takes no level at first", _NoFirstLevel),
        ("relevel", "raises only", _RaisesOnly),
        ("relevel", "lowers only", _LowersOnly),
        ("tied", "masks one place", _OnePlace),
        ("finalize", "stays sparse", _StaysSparse),
        ("finalize", "becomes dense", _BackToDense),
        ("restore", "loads nothing", _LoadsNothing),
        ("restore", "loads weights", _LoadsWeights),
        ("restore", "loads masks", _LoadsMasks),
        ("save_trace", "fails", UnsavedTraceAdapter.sparsified),
        ("deepcopy", "fails", UncopiedAdapter.sparsified),
        *((door, "fails", _at(door, _FailsAt)) for door in _DOORS),
        *((door, "becomes dense", _at(door, _DenseAt)) for door in _DOORS),
    ),
    "structural": (
        ("relevel", "ignores levels", _RemovesAtOneLevel),
        ("restore", "loads nothing", _RestoresNothing),
    ),
}
"""By base: capability, what happens instead, and the class of the sparsifier."""


def _ranks_once(sparsified: Sparsified) -> None:
    """Let a sparsifier rank at its first update and at a new level only."""
    update, levels = sparsified.update, list[float | None]()

    def update_once(level: float | None = None) -> None:
        if not levels or (level is not None and level != levels[-1]):
            update(level)
            levels.append(level)

    sparsified.update = update_once  # type: ignore[method-assign]


def _ignores_levels(sparsified: Sparsified) -> None:
    update = sparsified.update
    sparsified.update = lambda level=None: update()  # type: ignore[method-assign]


WAYS: dict[str, tuple[str, Callable[[Sparsified], None]]] = {
    "reupdate": ("ranks once", _ranks_once), "relevel": ("ignores levels", _ignores_levels),
}
WORKERS: dict[str, Make] = {
    **{f"holds={one}": HOLDS[one] for one in HOLDERS}, "score=random": SCORES["random"],
    "level_basis=remaining": partial(exemplary, level_basis="remaining"),
    "level_basis=remaining, regrowth=monotone": partial(exemplary, level_basis="remaining", regrowth="monotone"),
    "structural, level_basis=remaining": partial(structural, level_basis="remaining"),
}
"""Other honest sparsifiers, each of which is spoilt in `WAYS`."""


class Spoilt(Declaring):
    """Works as `honest` does, but for what `spoil` takes away from each sparsifier."""

    def __init__(self, honest: Adapter, spoil: Callable[[Sparsified], None]) -> None:
        super().__init__(honest)
        self.spoil = spoil

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        sparsified = super().attach(model, plan, context)
        self.spoil(sparsified)
        return sparsified


def _using(adapter: type[Adapter], sparsified: type[Sparsified]) -> Adapter:
    made = adapter()
    made.sparsified = sparsified  # type: ignore[attr-defined]
    return made


def _spoilt(honest: Make, spoil: Callable[[Sparsified], None]) -> Adapter:
    return Spoilt(honest(), spoil)


@dataclass(frozen=True)
class Lacking:
    """A sparsifier that lacks a capability, and the honest one that has it."""

    base: str
    capability: str
    way: str
    make: Make
    honest: Make


def lacking() -> Iterator[Lacking]:
    """Yield the exemplars with one capability taken away, and the other sparsifiers spoilt."""
    for base, passes, replaces in (
        ("exemplar", PassesOver, Replaces), ("structural", RemovesElsewhere, ReplacesChannels)
    ):
        honest = BASES[base]
        for name, where in _places(passes.supported.split()):
            yield Lacking(base, name, "leaves it dense", partial(passes, where), honest)
        for name, way, change in _changes(base):
            yield Lacking(base, name, way, partial(replaces, change), honest)
        for name, way, sparsified in OPERATIONS[base]:
            yield Lacking(base, name, way, partial(_using, type(honest()), sparsified), honest)
    for name, worker in WORKERS.items():
        for capability, (way, spoil) in WAYS.items():
            yield Lacking(name, capability, way, partial(_spoilt, worker, spoil), worker)


def _places(supported: list[str]) -> Iterator[tuple[str, Where]]:
    """Yield what can be left dense: a capability, or a part of a pattern."""
    places: dict[str, Where] = {
        **{kind: _is_layer(kind) for kind in LAYER_KINDS},
        **{pattern: _is_pattern(pattern) for pattern in PATTERNS},
        **{dtype: _is_dtype(dtype) for dtype in _DTYPES},
        "cpu": _on(cpu=True),
        "accelerator": _on(cpu=False),
    }
    yield from ((name, where) for name, where in places.items() if name in supported)
    if "block" in supported:
        yield from ((f"{pattern} on {part}", _is_part(pattern, part)) for pattern, part in _parts())


def _changes(base: str) -> Iterator[tuple[str, str, Callable[[Plan], Plan]]]:
    """Yield (capability, what is done instead, the plan that is carried out)."""
    yield "scope_all", "ranks each by itself", _each
    yield "per_parameter", "takes the first level", _first_level
    if base == "exemplar":
        yield from ((pattern, "takes another pattern", _other_pattern(pattern)) for pattern in PATTERNS)
