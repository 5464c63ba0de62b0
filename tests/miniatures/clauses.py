"""Broken in what newer clauses of the contract declare: names, layers on their own, copies, what is trained."""

from __future__ import annotations

import copy
from typing import Any

from msgspec.structs import replace
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sparsecheck import Context, Plan, Sparsified
from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep
from sparsecheck.values.contract import Contract
from tests.variants.bank import BankAdapter, CopyAdapter
from tests.variants.gradients import ByGradient, ByGradientAdapter
from tests.variants.reparametrized import WeightNorm
from tests.variants.wrapped import Masked, WrappedAdapter

from . import Misdeclared, breaks


@breaks("REG-24", "names-otherwise")
class DeclaresAPrefix(Misdeclared):
    """Declares names=prefixed, but keeps every name."""

    contract = replace(CONTRACT, names="prefixed")


@breaks("REG-24", "names-otherwise")
class DeclaresKeptNames(BankAdapter):
    """Declares names=kept, but puts the whole model into another one."""

    contract = replace(BankAdapter.contract, names="kept")


@breaks("REG-24", "names-otherwise")
class RenamesTheRest(Exemplar):
    """Moves every child of the model without a planned parameter to another name."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        planned = {name.partition(".")[0] for name in plan.names}
        for name in [name for name, _ in model.named_children() if name not in planned]:
            child = model.get_submodule(name)
            delattr(model, name)
            vars(model)[name] = child
            model.add_module(f"moved_{name}", child)


@breaks("REG-15", "weight-differs")
class DeclaresDenseLayers(Misdeclared):
    """Declares alone=dense, but a layer called on its own is masked."""

    contract = replace(CONTRACT, alone="dense")


@breaks("REG-15", "weight-differs")
class DeclaresMaskedLayers(BankAdapter):
    """Declares alone=masked, but masks on the way into the whole model."""

    contract = replace(BankAdapter.contract, alone="masked")


@breaks("REG-25", "attached-otherwise")
class DeclaresACopy(Misdeclared):
    """Declares attaches=copy, but works on the given model."""

    contract = replace(CONTRACT, attaches="copy")


@breaks("REG-25", "attached-otherwise")
class CopiesUndeclared(CopyAdapter):
    """Declares attaches=in place, but returns a copy, so that the user's optimizer trains nothing."""

    contract = CONTRACT


@breaks("REG-25", "model-changed")
class ParametrizesTheOriginal(CopyAdapter):
    """Returns a sparse copy, and leaves a parametrization on the given model."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        sparsified = super().attach(model, plan, context)
        path, attribute = split_name(plan.names[0])
        parametrize.register_parametrization(model.get_submodule(path), attribute, nn.Identity())
        return sparsified


@breaks("REG-25", "model-changed")
class CopiesTheMasksAlone(CopyAdapter):
    """Returns a copy whose weights have the memory of the given model, so that training changes both."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        twin = copy.deepcopy(model)
        for parameter, original in zip(twin.parameters(), model.parameters(), strict=True):
            parameter.data = original.data
        return ExemplarAdapter.attach(self, twin, plan, context)


@breaks("REG-26", "trained-otherwise")
class DeclaresAReparametrization(Misdeclared):
    """Declares trained=reparametrized, but trains the dense weight."""

    contract = replace(CONTRACT, trained="reparametrized")


@breaks("REG-26", "trained-otherwise")
class DeclaresTheWeight(WeightNorm):
    """Declares trained=weight, but normalizes it."""

    contract = replace(WeightNorm.contract, trained="weight")


class _FourTimes(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(4 * weight)

    def right_inverse(self, weight: Tensor) -> Tensor:
        return weight / 4


@breaks("TRAIN-03", "step-differs")
class TrainsAQuarter(Exemplar):
    """The weight is four times the parameter, so that the learning rate grows sixteenfold."""

    keep = _FourTimes


class _AsGiven(ByGradient):
    def cast(self, batch: Tensor) -> Tensor:
        return batch


@breaks("STATE-13", "RuntimeError")
class KeepsItsBatchesInTheirDtype(ByGradientAdapter):
    """Scores by gradients on the batches of attach, whose dtype is that of before a cast."""

    sparsified = _AsGiven


class _Forgetful(Masked):
    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self.mask.fill_(True)


@breaks("STATE-22", "weight-differs")
class IsDenseOnceUnpickled(WrappedAdapter):
    """Starts with a full mask when it is unpickled."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        sparsified = super().attach(model, plan, context)
        for module in sparsified.model.modules():
            if isinstance(module, Masked):
                module.__class__ = _Forgetful
        return sparsified
