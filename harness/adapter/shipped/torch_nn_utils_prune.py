"""torch.nn.utils.prune: its pruning functions, each called as its documentation shows.

The functions prune a tensor of a module, so a plan becomes (module, name) pairs. A model stays unchanged until the
first update, except that a given mask is applied at attach.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.nn.utils import prune

from ...values.contract import Contract
from ...values.pattern import Channel, Given, Pattern, Unstructured
from ...values.plan import Plan
from ..holders import BufferSparsified, place
from ..protocol import Adapter, Context, Refusal, Saved, Sparsified

_CONTRACT = Contract(
    holds="buffer",
    rounding="half-even",
    level_basis="remaining",
    score="magnitude-l1",
    masks_at="update",
    regrowth="monotone",
    mask_storage="model",
    restores_into="attached",
    ragged="refuse",
    ties="any",
    parameter_order="changed",
    weight_attribute="stale",
    averages="error",
    threads="forward",
)
_SUPPORTED = (
    "linear conv1d conv2d embedding float64 float32 bfloat16 float16 cpu accelerator per_parameter reupdate "
    "finalize restore trace export compile save_trace deepcopy "
)


class Pruned(BufferSparsified):
    """Modules whose tensors are pruned by one of the functions."""

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        assert self.places

    @property
    def places(self) -> dict[str, tuple[nn.Module, str]]:
        """Return the module and the name of each planned tensor, as they are now.

        Raises:
            AttributeError: The model has no such tensor.
        """
        return {name: place(self.model, name) for name in self.plan.names}

    def update(self, level: float | None = None) -> None:
        plan = self.plan if level is None else self.plan.at_level(level)
        for name, pattern in plan.patterns.items():
            self.prune(*self.places[name], pattern)

    def prune(self, module: nn.Module, name: str, pattern: Pattern) -> None:
        """Call the pruning function on a tensor of a module."""
        raise NotImplementedError

    def masks(self) -> dict[str, Tensor]:
        return {name: _mask(*one).detach() != 0 for name, one in self.places.items()}

    def finalize(self) -> nn.Module:
        for one in self.places.values():
            prune.remove(*one)
        return self.model

    def load(self, saved: Saved) -> None:
        for name, one in self.places.items():
            if f"{name}_mask" in saved.model and not hasattr(one[0], f"{one[1]}_mask"):
                prune.identity(*one)
        super().load(saved)


def _mask(module: nn.Module, name: str) -> Tensor:
    mask: Tensor = getattr(module, f"{name}_mask", torch.ones_like(getattr(module, name)))
    return mask


class _PruneAdapter(Adapter):
    """Base of the adapters; `pruned` is the class that calls the pruning function."""

    distribution = "torch"
    catalogue = 4
    homepage = "https://docs.pytorch.org/docs/stable/nn.html#utilities"
    tracker = "https://github.com/pytorch/pytorch/issues"
    contract = _CONTRACT
    pruned: ClassVar[type[Pruned]]

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        return self.pruned(model, plan)


class CustomFromMaskPruned(Pruned):
    """Masks applied at attach."""

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        for name, pattern in plan.patterns.items():
            self.prune(*self.places[name], pattern)

    def update(self, level: float | None = None) -> None:
        if level is not None:
            raise Refusal(f"{', '.join(self.plan.names)}: a given mask has no level")

    def prune(self, module: nn.Module, name: str, pattern: Pattern) -> None:
        assert isinstance(pattern, Given)
        prune.custom_from_mask(module, name, torch.tensor(pattern.mask, device=getattr(module, name).device))


class CustomFromMaskAdapter(_PruneAdapter):
    """Adapter of prune.custom_from_mask."""

    supported = _SUPPORTED + "given"
    unsupported = "unstructured block n_of_m any_n_of_m channel input_channel band scope_all relevel tied"
    contract = replace(_CONTRACT, score="given", masks_at="attach")
    pruned = CustomFromMaskPruned


class L1UnstructuredPruned(Pruned):
    """Calls of prune.l1_unstructured."""

    def prune(self, module: nn.Module, name: str, pattern: Pattern) -> None:
        assert isinstance(pattern, Unstructured)
        prune.l1_unstructured(module, name, amount=float(pattern.level))


class L1UnstructuredAdapter(_PruneAdapter):
    """Adapter of prune.l1_unstructured."""

    supported = _SUPPORTED + "unstructured relevel"
    unsupported = "given block n_of_m any_n_of_m channel input_channel band scope_all tied"
    pruned = L1UnstructuredPruned


class RandomUnstructuredPruned(Pruned):
    """Calls of prune.random_unstructured."""

    def prune(self, module: nn.Module, name: str, pattern: Pattern) -> None:
        assert isinstance(pattern, Unstructured)
        prune.random_unstructured(module, name, amount=float(pattern.level))


class RandomUnstructuredAdapter(_PruneAdapter):
    """Adapter of prune.random_unstructured."""

    supported = _SUPPORTED + "unstructured relevel"
    unsupported = "given block n_of_m any_n_of_m channel input_channel band scope_all tied"
    contract = replace(_CONTRACT, score="random")
    pruned = RandomUnstructuredPruned


class LnStructuredPruned(Pruned):
    """Calls of prune.ln_structured."""

    def prune(self, module: nn.Module, name: str, pattern: Pattern) -> None:
        assert isinstance(pattern, Channel)
        prune.ln_structured(module, name, amount=float(pattern.level), n=2, dim=pattern.dim)


class LnStructuredAdapter(_PruneAdapter):
    """Adapter of prune.ln_structured with n=2."""

    supported = _SUPPORTED + "channel input_channel relevel"
    unsupported = "given unstructured block n_of_m any_n_of_m band scope_all tied"
    contract = replace(_CONTRACT, score="magnitude-l2")
    pruned = LnStructuredPruned


class GlobalUnstructuredPruned(Pruned):
    """One call for all planned tensors if the plan ranks them together, else one call each."""

    def update(self, level: float | None = None) -> None:
        if self.plan.scope == "each":
            return super().update(level)
        plan = self.plan if level is None else self.plan.at_level(level)
        [pattern] = set(plan.patterns.values())
        self.prune_all(list(self.places.values()), pattern)

    def prune(self, module: nn.Module, name: str, pattern: Pattern) -> None:
        self.prune_all([(module, name)], pattern)

    def prune_all(self, places: list[tuple[nn.Module, str]], pattern: Pattern) -> None:
        """Call prune.global_unstructured on several tensors."""
        assert isinstance(pattern, Unstructured)
        prune.global_unstructured(places, pruning_method=prune.L1Unstructured, amount=float(pattern.level))


class GlobalUnstructuredAdapter(_PruneAdapter):
    """Adapter of prune.global_unstructured with prune.L1Unstructured."""

    supported = _SUPPORTED + "unstructured scope_all relevel"
    unsupported = "given block n_of_m any_n_of_m channel input_channel band tied"
    pruned = GlobalUnstructuredPruned

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        if plan.scope == "all" and len(set(plan.patterns.values())) > 1:
            raise Refusal(f"{', '.join(plan.names)}: global_unstructured takes one level in scope 'all'")
        return super().attach(model, plan, context)
