"""Honest sparsifiers, from which the false declarations are made."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Adapter, Context, Plan, Refusal, Saved, Sparsified
from sparsecheck.adapter.shipped import exemplar
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover, StructuralExemplarAdapter
from sparsecheck.catalogue.axes import LEVELLED
from sparsecheck.values.contract import NO_INVARIANCE, Contract
from sparsecheck.values.schedule import KINDS, OPTIONS
from tests.miniatures.lifetime import ParametrizesByTorch
from tests.variants.all import VARIANTS
from tests.variants.gradients import ByGradient, ByGradientAdapter
from tests.variants.masks import Drawing
from tests.variants.restoring import BringsItsModel, RestoresOntoDense
from tests.variants.scores import AroundAThreshold, SeededByName, Signed

Make = Callable[[], Adapter]

PATTERNS = ("given", "unstructured", "block", "n_of_m", "any_n_of_m", "channel", "input_channel", "band")


class Declaring(Adapter):
    """Works as `honest` does, and declares something else."""

    distribution = "sparsecheck"

    def __init__(self, honest: Adapter, **declared: Any) -> None:
        self.honest = honest
        for name in ("profile", "supported", "unsupported", "partial", "catalogue", "contract"):
            setattr(self, name, declared.get(name, getattr(honest, name)))

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return self.honest.attach(model, plan, context)

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        honest = copy.copy(self.honest)
        honest.attach = self.attach  # type: ignore[method-assign]  # which a case may watch
        return honest.restore(dense_model, plan, saved, context)


class _Leveled(Exemplar):
    """Refuses a level if none of its patterns has one."""

    def update(self, level: float | None = None) -> None:
        if level is not None and not any(hasattr(pattern, "level") for pattern in self.plan.patterns.values()):
            raise Refusal(f"{', '.join(self.plan.names)}: relevel is not supported, the pattern has no level")
        super().update(level)


class Narrow(ExemplarAdapter):
    """The exemplar with some patterns only; it refuses the others."""

    sparsified = _Leveled

    def __init__(self, patterns: Iterable[str], contract: Contract) -> None:
        lacks = set(PATTERNS) - set(patterns)
        if not set(patterns) & set(LEVELLED):
            lacks |= {"relevel", "scope_all"}
        if set(patterns) == {"block"}:
            lacks |= {"conv1d", "conv2d"}  # whose weights are no matrices
        if set(patterns) == {"n_of_m"}:
            lacks.add("per_parameter")  # there is one pattern for all
        names = ExemplarAdapter.supported.split()
        self.supported = " ".join(name for name in names if name not in lacks)  # type: ignore[misc]
        self.unsupported = " ".join(name for name in names if name in lacks)  # type: ignore[misc]
        self.contract = contract

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan, model)
        return super().attach(model, plan, context)


def narrow(*patterns: str, **clauses: str) -> Adapter:
    """Return the exemplar with these patterns only, and with these clauses."""
    return Narrow(patterns, replace(exemplar.CONTRACT, **clauses))


def exemplary(**clauses: str) -> Adapter:
    """Return the exemplar, built and declared by these clauses."""
    adapter = ExemplarAdapter()
    adapter.contract = replace(adapter.contract, **clauses)
    return adapter


def structural(**clauses: str) -> Adapter:
    """Return the structural exemplar, built and declared by these clauses."""
    adapter = StructuralExemplarAdapter()
    adapter.contract = replace(adapter.contract, **clauses)
    return adapter


BASES: dict[str, Callable[..., Adapter]] = {
    "exemplar": exemplary,
    "unstructured alone": partial(narrow, "unstructured"),
    "blocks alone": partial(narrow, "block"),
    "channels alone": partial(narrow, "channel"),
    "2:4 alone": partial(narrow, "n_of_m"),
    "structural": structural,
}
"""Exemplars that can be built with other clauses."""


# ------------------------------------------------ values that no clause of the exemplar gives


class _Reranked(Exemplar):
    """Ranks by `scores` instead of by the weight."""

    def scores(self, weight: Tensor) -> Tensor:
        """Return positive scores of the weight's shape."""
        raise NotImplementedError

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        return {
            name: exemplar.new_mask(pattern, self.scores(self._dense(name)), self.mask_tensor(name), self.contract)
            for name, pattern in plan.patterns.items()
        }


class _ByPosition(_Reranked):
    def scores(self, weight: Tensor) -> Tensor:
        return torch.arange(1, weight.numel() + 1, device=weight.device).view_as(weight).double()


class _Backwards(_Reranked):
    def scores(self, weight: Tensor) -> Tensor:
        return 1 / (weight.double().abs() + 1e-3)


class _Opaque(Drawing):
    """Ranks by rules of its own."""

    supported = ExemplarAdapter.supported.replace(" scope_all", "").replace(" given", "").replace(" band", "")
    contract = replace(exemplar.CONTRACT, score="opaque")
    sparsified: ClassVar[type[Exemplar]] = _Backwards


class _Positional(_Opaque):
    contract = replace(exemplar.CONTRACT, score="position")
    sparsified = _ByPosition


class _MiddleFirst(_Reranked):
    """Keeps the middle ones among equal scores."""

    def scores(self, weight: Tensor) -> Tensor:
        count = weight.numel()
        middle = (torch.arange(count, device=weight.device).double() - count / 2).abs().view_as(weight)
        return weight.double().abs() * (1 - 1e-9 * middle / count)


class _Untied(_Opaque):
    contract = replace(exemplar.CONTRACT, ties="any")
    sparsified = _MiddleFirst


class _ChannelsByPosition(ChannelRemover):
    def scores(self, weight: Tensor) -> Tensor:
        return torch.arange(1, len(weight) + 1, device=weight.device).double()


class _ChannelsAtRandom(ChannelRemover):
    def scores(self, weight: Tensor) -> Tensor:
        return torch.rand(len(weight), device=weight.device).double() + 0.1


class _ChannelsBackwards(ChannelRemover):
    def scores(self, weight: Tensor) -> Tensor:
        return 1 / (weight.detach().double().abs().flatten(1).sum(1) + 1e-3)


def _channels(score: str, sparsified: type[ChannelRemover]) -> Adapter:
    adapter = structural(score=score)
    adapter.sparsified = sparsified  # type: ignore[attr-defined]
    return adapter


CHANNEL_SCORES: dict[str, Make] = {
    "position": partial(_channels, "position", _ChannelsByPosition),
    "random": partial(_channels, "random", _ChannelsAtRandom),
    "opaque": partial(_channels, "opaque", _ChannelsBackwards),
}
SCORES: dict[str, Make] = {
    "given": partial(narrow, "given", score="given"),
    "position": _Positional,
    "random": Drawing,
    "opaque": _Opaque,
}
RESTORES: dict[str, Make] = {"attached": exemplary, "dense": RestoresOntoDense, "whole model": BringsItsModel}
HOLDERS = ("buffer", "in place", "wrapper", "forward")
HOLDS: dict[str, Make] = {"parametrization": exemplary, **{one: VARIANTS[f"holds={one}"] for one in HOLDERS}}
TIES: dict[str, Make] = {"any": _Untied}
REZEROED: dict[str, Make] = {"package": exemplary, "user": HOLDS["in place"]}
NAMED: dict[str, Make] = {"kept": exemplary, "prefixed": VARIANTS["names=prefixed, alone=dense"]}
ALONE: dict[str, Make] = {"masked": exemplary, "dense": VARIANTS["names=prefixed, alone=dense"]}
ATTACHES: dict[str, Make] = {"in place": exemplary, "copy": VARIANTS["attaches=copy"]}
TRAINED: dict[str, Make] = {"weight": exemplary, "reparametrized": VARIANTS["trained=reparametrized, weight norm"]}


class _ByTorch(ExemplarAdapter):
    """Registers parametrizations as torch does, and says so."""

    sparsified = ParametrizesByTorch
    contract = replace(exemplar.CONTRACT, accumulator_hooks="lost")
    supported = ExemplarAdapter.supported.replace(" tied", "")
    unsupported = "tied"

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan, model)
        return super().attach(model, plan, context)


class _ByGradientWhereThereIsOne(ByGradient):
    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        if all(self._original(name).requires_grad for name in plan.names):
            return super()._ranked_each(plan)
        return Exemplar._ranked_each(self, plan)


class _ByMagnitudeIfFrozen(ByGradientAdapter):
    """Scores by gradients, and by magnitudes if a parameter is frozen."""

    sparsified = _ByGradientWhereThereIsOne


class _ByFirstBatch(ByGradientAdapter):
    """Scores by gradients on the first calibration batch alone."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return super().attach(model, plan, dataclasses.replace(context, batches=context.batches[:1]))


def _promising_nothing(kind: type[Adapter]) -> Adapter:
    adapter = kind()
    adapter.contract = replace(kind.contract, invariances=NO_INVARIANCE)
    return adapter


VARYING: dict[str, tuple[str, Make]] = {
    invariance: (base, partial(_promising_nothing, kind))
    for base, kind, invariances in (
        ("a seed per name", SeededByName, ("renamed",)),
        ("draws in plan order", Drawing, ("memory", "reordered", "permuted", "repeated", "split", "cast")),
        ("a threshold", AroundAThreshold, ("scaled",)),
        ("signed", Signed, ("negated",)),
        ("magnitudes if frozen", _ByMagnitudeIfFrozen, ("frozen",)),
        ("the first batch", _ByFirstBatch, ("batches",)),
    ) for invariance in invariances
}
"""By invariance, a sparsifier whose masks depend on that, with its name."""

ACCUMULATORS: dict[str, Make] = {"kept": exemplary, "lost": _ByTorch}
ATTRIBUTES: dict[str, Make] = {
    "live": HOLDS["in place"], "computed": exemplary, "stale": VARIANTS["the last product in the attribute"],
    "dense": HOLDS["forward"],
}
AVERAGES: dict[str, Make] = {
    "sparse": VARIANTS["int8 masks"], "sparse without buffers": exemplary, "dense": HOLDS["in place"],
    "error": VARIANTS["deepcopy unsupported, and fails"],
}
THREADS: dict[str, Make] = {"any": HOLDS["buffer"], "forward": exemplary, "update": VARIANTS["threads=update"]}
PICKLED: dict[str, Make] = {"any": exemplary, "model": VARIANTS["pickled=model"], "sparsifier": HOLDS["in place"]}
ORDERS: dict[str, Make] = {"kept": HOLDS["in place"], "changed": exemplary}
REWINDS: dict[str, Make] = {"yes": exemplary, "no": partial(exemplary, rewinds="no")}
WITHOUT: dict[str, Make] = {
    word: partial(exemplary, schedules=" ".join(one for one in (*KINDS, *OPTIONS) if one != word))
    for word in (*KINDS, *OPTIONS)
}
"""By kind or option of schedules, a sparsifier that has all others."""

OPTIMIZERS: dict[str, Make] = {"kept": VARIANTS["structural-same"], "rebuilt": structural}
