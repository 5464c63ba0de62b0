"""Broken only together with what else people do to models."""

from __future__ import annotations

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sparsecheck import Context, Plan, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep
from tests.variants.holders import Lasting, LastingAdapter, Product

from . import Misdeclared, breaks


@breaks("COMPOSE-01", "attribute-otherwise")
class DeclaresThatItsProductIsInUse(LastingAdapter):
    """The attribute weight is the product of the last forward or update; it declares that it is always in use."""

    contract = replace(LastingAdapter.contract, weight_attribute="computed")


@breaks("COMPOSE-01", "attribute-otherwise")
class DeclaresADenseAttribute(Misdeclared):
    """Declares that the attribute weight is the dense one, and computes it."""

    contract = replace(CONTRACT, weight_attribute="dense")


@breaks("COMPOSE-02", "merged-otherwise")
class DeclaresThatWritesTakeEffect(Misdeclared):
    """Declares that what is written into the attribute weight takes effect, and computes a copy."""

    contract = replace(CONTRACT, weight_attribute="live")


class _Forgetful(Keep):
    """Answers every assignment with the weight that it has."""

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.held = [weight]

    def right_inverse(self, weight: Tensor) -> Tensor:
        return self.held[0]


@breaks("COMPOSE-03", "merged-otherwise")
class DropsAssignedWeights(Exemplar):
    """Takes an assigned weight, and keeps its own."""

    keep = _Forgetful


class _Late(Lasting):
    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            hooks = self.model.get_submodule(name.rpartition(".")[0])._forward_pre_hooks
            for key in [key for key, hook in hooks.items() if isinstance(hook, Product)]:
                hooks[key] = hooks.pop(key)


@breaks("COMPOSE-04", "attribute-otherwise")
class MultipliesAfterOtherHooks(LastingAdapter):
    """Every update puts the hook that multiplies behind the hooks of the user."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.check(model, plan)
        return _Late(model, plan)


@breaks("COMPOSE-05")
class PassesOverParametrizedWeights(ExemplarAdapter):
    """Leaves a planned weight that is parametrized already dense, without a word."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        layers = {name: model.get_submodule(name.rpartition(".")[0]) for name in plan.names if name.count(".")}
        own = {name for name, layer in layers.items()
               if parametrize.is_parametrized(layer) and not any(isinstance(one, Keep) for one in layer.modules())}
        patterns = {name: pattern for name, pattern in plan.patterns.items() if name not in own}
        return super().attach(model, Plan(patterns, plan.scope), context) if patterns else _Nothing(model, plan)


class _Nothing(Exemplar):
    def __init__(self, model: nn.Module, plan: Plan) -> None:
        Sparsified.__init__(self, model, plan)

    def update(self, level: float | None = None) -> None:
        pass

    def masks(self) -> dict[str, Tensor]:
        return {}


@breaks("COMPOSE-06", "removed-not-zero")
class TakesTheLastParametrizationForItsOwn(Exemplar):
    """Takes the last parametrization of a weight for its own, and so the mask that an update writes."""

    def mask_tensor(self, name: str) -> Tensor:
        *_, last = self.parametrizations(name)
        if not hasattr(last, "mask"):
            last.register_buffer("mask", super().mask_tensor(name).flip(0))
        return last.get_buffer("mask")


class _Reusing(Keep):
    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.register_buffer("product", torch.zeros_like(weight), persistent=False)

    def forward(self, weight: Tensor) -> Tensor:
        return self.get_buffer("product").detach().copy_(super().forward(weight))


class _WithOneProduct(Exemplar):
    keep = _Reusing


@breaks("COMPOSE-07", "RuntimeError")
class ReusesTheProduct(ExemplarAdapter):
    """Writes every product into one tensor, also while an earlier forward waits for its backward."""

    supported = ExemplarAdapter.supported.replace(" trace export compile save_trace", "")
    unsupported = "trace export compile save_trace"
    sparsified = _WithOneProduct


class _Idle(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        is_in_backward = torch._C._current_graph_task_id() != -1
        return torch.where(self.mask.logical_not() & (not is_in_backward), 0, weight)


@breaks("COMPOSE-08", "gradient-differs")
class IsDenseInBackward(Exemplar):
    """Does not mask what a forward computes again in the middle of a backward."""

    keep = _Idle


class _Own(Keep):
    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.held = [weight]

    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(self.held[0])


@breaks("COMPOSE-09", "output-differs")
class ReadsItsOwnParameter(Exemplar):
    """Masks the parameter that it met at attach, whatever parameter the model runs with."""

    keep = _Own


MARK = 2**25 + 1
"""A number that is no float32."""


class _Marked(Keep):
    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.register_buffer("marks", torch.full(weight.shape, MARK, device=weight.device), persistent=False)

    def forward(self, weight: Tensor) -> Tensor:
        return torch.where(self.mask & (self.get_buffer("marks") == MARK), weight, 0)


class _WithMarks(Exemplar):
    keep = _Marked


@breaks("COMPOSE-10", "average-differs")
class MarksKeptEntries(ExemplarAdapter):
    """Marks kept entries with a large number that is no float32, so that an average of two equal ones is another."""

    contract = replace(CONTRACT, averages="sparse")
    sparsified = _WithMarks


@breaks("COMPOSE-11", "average-otherwise")
class DeclaresSparseAverages(Misdeclared):
    """Declares that every average is sparse, and has boolean masks, which stay true in an average."""

    contract = replace(CONTRACT, averages="sparse")
