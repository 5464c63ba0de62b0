"""Sparsifiers that declare something unsupported, and do not refuse it well; or that support less than they declare."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from sparsecheck import Band, Block, Context, Plan, Refusal, Saved, Sparsified
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter, Keep

from . import breaks


class _Without(ExemplarAdapter):
    """The exemplar, with the capabilities `lacks` declared unsupported, all of which it has."""

    def __init_subclass__(cls, lacks: str = "", **rest: Any) -> None:
        super().__init_subclass__(**rest)
        cls.supported = " ".join(one for one in ExemplarAdapter.supported.split() if one not in lacks.split())
        cls.unsupported = lacks


def _bands(plan: Plan) -> list[str]:
    return [f"{name}: {pattern}" for name, pattern in plan.patterns.items() if isinstance(pattern, Band)]


@breaks("REFUSE-01", "not-refused")
class TakesABand(_Without, lacks="band"):
    """Declares that it has no bands, and has them."""


@breaks("REFUSE-01", "not-refused")
class LeavesABandDense(_Without, lacks="band"):
    """Passes over a band, and says nothing."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        others = {name: pattern for name, pattern in plan.patterns.items() if not isinstance(pattern, Band)}
        return super().attach(model, replace(plan, patterns=others), context)


@breaks("REFUSE-01", "refusal-unnamed")
class RefusesABandNamelessly(_Without, lacks="band"):
    """Refuses a band, and does not say what it refuses."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        if _bands(plan):
            raise Refusal(f"{next(iter(plan.names))} cannot be sparsified")
        return super().attach(model, plan, context)


@breaks("REFUSE-01", "refusal-unnamed")
class RefusesABandSomewhere(_Without, lacks="band"):
    """Refuses a band, and does not say where."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        if _bands(plan):
            raise Refusal("a band is not supported")
        return super().attach(model, plan, context)


@breaks("REFUSE-01", "refusal-by-accident")
class LooksABandUp(_Without, lacks="band"):
    """Looks a band up in a table that has none; the KeyError happens to name parameter and pattern."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        known = dict[str, Plan]()
        _ = [known[place] for place in _bands(plan)]
        return super().attach(model, plan, context)


@breaks("REFUSE-01", "refusal-by-accident")
class AssertsThatThereIsNoBand(_Without, lacks="band"):
    """Asserts that there is no band, which Python skips when it optimizes."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        assert not _bands(plan), f"{_bands(plan)} is no pattern of mine"
        return super().attach(model, plan, context)


@breaks("REFUSE-01", "refusal-harmed")
class RefusesABandTooLate(_Without, lacks="band"):
    """Refuses a band after it has registered its masks."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        sparsified = super().attach(model, plan, context)
        if places := _bands(plan):
            raise Refusal(", ".join(places))
        return sparsified


@breaks("REFUSE-02", "not-refused")
class TakesConv1d(_Without, lacks="conv1d"):
    """Declares that it does not take nn.Conv1d, and takes it."""


@breaks("REFUSE-03", "not-refused")
class TakesBfloat16(_Without, lacks="bfloat16"):
    """Declares that it does not take bfloat16, and takes it."""


@breaks("REFUSE-04", "not-refused")
class RanksEachByItself(_Without, lacks="scope_all"):
    """Has no ranking over all parameters, and ranks each by itself when it is asked for one."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return super().attach(model, replace(plan, scope="each"), context)


@breaks("REFUSE-05", "not-refused")
class TakesTheFirstLevelForAll(_Without, lacks="per_parameter"):
    """Has one level for all parameters, and takes the first one of the plan."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        level = getattr(next(iter(plan.patterns.values())), "level", None)
        return super().attach(model, plan if level is None else plan.at_level(level), context)


@breaks("REFUSE-06", "not-refused")
class TakesTiedWeights(_Without, lacks="tied"):
    """Declares that it does not take a weight that layers share, and takes it."""


@breaks("REFUSE-07", "not-refused")
class TakesTheCpu(_Without, lacks="cpu"):
    """Declares that it works on an accelerator alone, and works on the CPU."""


class _Once(Exemplar):
    updates = 0

    def update(self, level: float | None = None) -> None:
        if level is not None:
            raise Refusal("relevel: there is one level, that of the plan")
        self.updates += 1
        if self.updates == 1:
            super().update()


@breaks("REFUSE-08", "not-refused")
class IgnoresASecondUpdate(_Without, lacks="reupdate relevel"):
    """Does nothing at the second update, and says nothing."""

    sparsified = _Once


class _Bared(Exemplar):
    updates = 0

    def update(self, level: float | None = None) -> None:
        if level is not None:
            raise Refusal("relevel: there is one level, that of the plan")
        self.updates += 1
        if self.updates == 2:
            for name in self.plan.names:
                self.mask_tensor(name).fill_(True)
            raise Refusal("reupdate: there is no second update")
        super().update()


@breaks("REFUSE-08", "refusal-harmed")
class RefusesASecondUpdateTooLate(_Without, lacks="reupdate relevel"):
    """Takes the old masks off before it refuses to make new ones."""

    sparsified = _Bared


class _FixedLevel(Exemplar):
    def update(self, level: float | None = None) -> None:
        super().update()


@breaks("REFUSE-09", "not-refused")
class IgnoresAnotherLevel(_Without, lacks="relevel"):
    """Updates at the plan's level when it is asked for another."""

    sparsified = _FixedLevel


@breaks("REFUSE-10", "not-refused")
class Finalizes(_Without, lacks="finalize"):
    """Declares that it cannot be finalized, and can."""


class _FinalizesInVain(Exemplar):
    def finalize(self) -> nn.Module:
        return self.model.finalized  # type: ignore[return-value]  # there is no such attribute


@breaks("REFUSE-10", "refusal-by-accident")
class BreaksWhenFinalized(_Without, lacks="finalize"):
    """Asks the model for an attribute that it does not have, whose name happens to be the operation's."""

    sparsified = _FinalizesInVain


@breaks("REFUSE-11", "not-refused")
class Restores(_Without, lacks="restore"):
    """Declares that it cannot be restored, and can."""


@breaks("REFUSE-11", "refusal-harmed")
class RefusesARestoreTooLate(_Without, lacks="restore"):
    """Refuses a restore after it has attached to the model to restore onto."""

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        self.attach(dense_model, plan, context)
        raise Refusal("restore is not supported")


class _DenseOnceTraced(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return weight if torch._C._get_tracing_state() else super().forward(weight)


class _TracedDense(Exemplar):
    keep = _DenseOnceTraced


@breaks("REFUSE-12", "output-differs")
class IsDenseOnceTraced(_Without, lacks="trace"):
    """Cannot be traced, and gives a trace of the dense model."""

    sparsified = _TracedDense


class _DenseOnceExported(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return weight if isinstance(weight, FakeTensor) else super().forward(weight)


class _ExportedDense(Exemplar):
    keep = _DenseOnceExported


@breaks("REFUSE-13", "output-differs")
class IsDenseOnceExported(_Without, lacks="export"):
    """Cannot be exported, and gives a program of the dense model."""

    sparsified = _ExportedDense


class _DenseOnceCompiled(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        is_compiled = torch.compiler.is_compiling() and not isinstance(weight, FakeTensor)  # which export gives
        return weight if is_compiled else super().forward(weight)


class _CompiledDense(Exemplar):
    keep = _DenseOnceCompiled


@breaks("REFUSE-14", "output-differs")
class IsDenseOnceCompiled(_Without, lacks="compile"):
    """Cannot be compiled, and compiles to the dense model."""

    sparsified = _CompiledDense


_OPERATORS = torch.library.Library("sparsecheck_miniatures", "DEF")
_OPERATORS.define("parameter_masked(Tensor weight, Tensor mask) -> Tensor")


def _parameter_masked(weight: Tensor, mask: Tensor) -> Tensor:
    return weight.masked_fill(~mask, 0) if isinstance(weight, nn.Parameter) else weight.clone()


_OPERATORS.impl("parameter_masked", _parameter_masked, "CompositeImplicitAutograd")


class _ByOperator(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        masked: Tensor = torch.ops.sparsecheck_miniatures.parameter_masked(weight, self.mask)
        return masked


class _MaskingParameters(Exemplar):
    keep = _ByOperator


@breaks("REFUSE-17", "output-differs")
class IsDenseOnceLoaded(_Without, lacks="save_trace export compile"):
    """Masks by an operator that takes parameters alone, which the weights of a loaded trace are not."""

    sparsified = _MaskingParameters


class _Forgotten(Keep):
    def __deepcopy__(self, memo: dict[int, Any]) -> Keep:
        return type(self)(self.mask, persistent=True)


class _CopiedDense(Exemplar):
    keep = _Forgotten


@breaks("REFUSE-18", "weight-differs")
class IsDenseOnceCopied(_Without, lacks="deepcopy"):
    """Cannot be copied, and a deep copy is dense."""

    sparsified = _CopiedDense


@breaks("REFUSE-15", "not-refused")
class TakesBlocksOfRows(ExemplarAdapter):
    """Declares that it has blocks of one column only, and takes others."""

    partial = {"block": "kx1"}


@breaks("REFUSE-16", "not-refused")
class TakesChannelsOfALinear(ExemplarAdapter):
    """Declares that it removes channels of convolutions only, and removes those of a linear layer."""

    partial = {"channel": "conv1d conv2d"}


@breaks("MASK-07", "Refusal")
class HasBlocksOfColumnsOnly(ExemplarAdapter):
    """Declares that it has blocks of every shape, and refuses all but those of one column."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        for name, pattern in plan.patterns.items():
            if isinstance(pattern, Block) and pattern.shape[1] > 1:
                raise Refusal(f"{name}: {pattern} has more than one column")
        return super().attach(model, plan, context)


@breaks("REG-09", "refusal-by-accident")
class LooksAParameterUp(ExemplarAdapter):
    """Looks an unknown parameter up among those it knows; the KeyError happens to name it."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        known = dict(model.named_parameters(remove_duplicate=False))
        if not any("parametrizations" in name for name in known):
            _ = [known[name] for name in plan.names]
        return super().attach(model, plan, context)
