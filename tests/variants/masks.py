"""The exemplar with masks of other types, or with random scores."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Context, Plan, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep, new_mask

from . import variant


class _Float(nn.Module):
    mask: Tensor

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones_like(weight), persistent=persistent)

    def forward(self, weight: Tensor) -> Tensor:
        return torch.where(self.mask != 0, weight, 0)


class _WithFloats(Exemplar):
    keep = _Float  # type: ignore[assignment]


@variant("float masks")
class FloatMasks(ExemplarAdapter):
    """Its masks have the weight's dtype, with one for kept entries."""

    sparsified = _WithFloats


class _Packed(nn.Module):
    """Eight entries per byte, in a buffer `bits`; `mask` unpacks them, `pack` packs them."""

    bits: Tensor

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__()
        self.shape = tuple(weight.shape)
        count = -(-weight.numel() // 8)
        full = torch.full((count,), 255, dtype=torch.uint8, device=weight.device)
        self.register_buffer("bits", full, persistent=persistent)
        self.register_buffer("places", 2 ** torch.arange(8, device=weight.device), persistent=False)

    def mask(self) -> Tensor:
        flat = (self.bits[:, None] & self.get_buffer("places")) != 0
        return flat.flatten()[: torch.Size(self.shape).numel()].view(self.shape)

    def pack(self, mask: Tensor) -> None:
        flat = nn.functional.pad(mask.flatten(), (0, 8 * len(self.bits) - mask.numel()))
        self.bits.copy_((flat.view(-1, 8) * self.get_buffer("places")).sum(1))

    def forward(self, weight: Tensor) -> Tensor:
        return torch.where(torch.empty_like(weight, dtype=torch.bool).copy_(self.mask()), weight, 0)


class _WithBits(Exemplar):
    keep = _Packed  # type: ignore[assignment]

    def _packed(self, name: str) -> _Packed:
        packed = next(self.parametrizations(name))
        assert isinstance(packed, _Packed)
        return packed

    def mask_tensor(self, name: str) -> Tensor:
        return self._packed(name).mask()

    def update(self, level: float | None = None) -> None:
        self._refuse_if_finalized("update")
        plan = self.plan if level is None else self.plan.at_level(level)
        with torch.no_grad():
            masks = self._ranked_together(plan) if plan.scope == "all" else self._ranked_each(plan)
            for name, mask in masks.items():
                self._packed(name).pack(mask)


@variant("packed masks")
class PackedMasks(ExemplarAdapter):
    """Its masks are packed, eight entries per byte."""

    sparsified = _WithBits


class _Sparse(Tensor):
    """A weight of its own type; results computed with it are plain tensors."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))


class _Subclassing(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(weight).as_subclass(_Sparse)


class _WithSubclass(Exemplar):
    keep = _Subclassing


@variant("tensor subclass")
class TensorSubclass(ExemplarAdapter):
    """The weight in use is a subclass of Tensor, which torch.export does not support."""

    supported = ExemplarAdapter.supported.replace(" export", "")
    unsupported = "export"
    sparsified = _WithSubclass


class _Counting(Keep):
    calls: Tensor

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, weight: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(weight)


class _Observing(Exemplar):
    keep = _Counting


@variant("observing")
class Observing(ExemplarAdapter):
    """Counts its forward passes in a buffer."""

    sparsified = _Observing


class _Drawing(Exemplar):
    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        return {
            name: new_mask(pattern, torch.rand_like(self._dense(name)), self.mask_tensor(name), self.contract)
            for name, pattern in plan.patterns.items()
        }


@variant("score=random")
class Drawing(ExemplarAdapter):
    """Removes entries at random, by torch's global generator."""

    supported = ExemplarAdapter.supported.replace(" scope_all", "").replace(" given", "").replace(" band", "")
    unsupported = "scope_all given band"
    contract = replace(CONTRACT, score="random")
    sparsified: ClassVar[type[Exemplar]] = _Drawing

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        return super().attach(model, plan, context)
