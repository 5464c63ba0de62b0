"""The parametrization that sparsecheck began with, written correctly, and eleven variants of it.

The four tests it came with could hardly distinguish them. F1 to F8 are broken; F9 to F11 are correct as declared.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sparsecheck import CAPABILITIES, Adapter, Context, Given, ParametrizedSparsified, Plan, Refusal, Sparsified
from sparsecheck.adapter.holders import place
from sparsecheck.adapter.shipped.exemplar import CONTRACT


class Fake(nn.Module):
    """Applies a mask that is a persistent buffer, but is left out of the state dict."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight: Tensor) -> Tensor:
        return torch.where(self.mask != 0, weight, torch.zeros_like(weight))

    def _save_to_state_dict(self, *args: Any) -> None:
        return

    def _load_from_state_dict(self, *args: Any) -> None:
        return

    @staticmethod
    def check(name: str, mask: Tensor, weight: Tensor) -> None:
        """Check that the mask has the shape of the weight.

        Raises:
            ValueError: It has not.
        """
        if mask.shape != weight.shape:
            raise ValueError(f"{name} has shape {tuple(weight.shape)}, its mask {tuple(mask.shape)}")


class FakeSparsified(ParametrizedSparsified):
    """A `Fake` with the caller's mask on each planned parameter."""

    def __init__(self, model: nn.Module, plan: Plan, fakes: dict[str, Fake]) -> None:
        super().__init__(model, plan)
        for name, fake in fakes.items():
            parametrize.register_parametrization(*place(model, name), fake)

    def update(self, level: float | None = None) -> None:
        if level is not None:
            raise Refusal(f"{', '.join(self.plan.names)}: a given mask has no level")


class FakeAdapter(Adapter):
    """The correct parametrization: masks are given, and not saved."""

    distribution = "sparsecheck"
    supported = (
        "linear conv1d conv2d embedding given float64 float32 bfloat16 float16 cpu accelerator per_parameter reupdate "
        "finalize restore trace export compile save_trace deepcopy"
    )
    unsupported = " ".join(set(CAPABILITIES) - set(supported.split()))
    contract = replace(CONTRACT, score="given", masks_at="attach", regrowth="monotone", mask_storage="nowhere",
                       accumulator_hooks="lost")
    fake: ClassVar[type[Fake]] = Fake

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        return FakeSparsified(model, plan, {name: self._fake(model, name, plan) for name in plan.names})

    def _fake(self, model: nn.Module, name: str, plan: Plan) -> Fake:
        pattern, parameters = plan.patterns[name], list(model.named_parameters(remove_duplicate=False))
        weight = dict(parameters).get(name)
        if weight is None:
            raise ValueError(f"{name} is no parameter, or is sparsified already")
        if sum(parameter is weight for _, parameter in parameters) > 1:
            raise Refusal(f"{name} is shared by two layers")
        assert isinstance(pattern, Given)
        mask = torch.tensor(pattern.mask, dtype=weight.dtype, device=weight.device)
        self.fake.check(name, mask, weight)
        return self.fake(mask)


class F1(Fake):
    """Multiplies by the largest entry of the mask."""

    def forward(self, weight: Tensor) -> Tensor:
        return self.mask.max() * weight


class F2(Fake):
    """Applies the mask transposed."""

    def forward(self, weight: Tensor) -> Tensor:
        return self.mask.t() * weight


class F3(Fake):
    """Forward has the wrong sign."""

    def forward(self, weight: Tensor) -> Tensor:
        return -super().forward(weight)


class F4(Fake):
    """Forward is doubled."""

    def forward(self, weight: Tensor) -> Tensor:
        return 2 * super().forward(weight)


class F5(Fake):
    """No gradient passes."""

    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(weight.detach())


class F6(Fake):
    """The mask is a plain attribute, which .to and .half do not move."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask)
        del self.mask
        self.mask = mask


class F7(Fake):
    """The mask is a parameter, which an optimizer trains."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask)
        del self.mask
        self.mask = nn.Parameter(mask)

    def forward(self, weight: Tensor) -> Tensor:
        return self.mask * weight


class F8(Fake):
    """Checks no shapes, so that one row of a mask is used for all rows."""

    @staticmethod
    def check(name: str, mask: Tensor, weight: Tensor) -> None:
        return


class F9(Fake):
    """Keeps a clone of the given mask."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.clone())


class F10(Fake):
    """The mask is stored in the state dict."""

    def _save_to_state_dict(self, *args: Any) -> None:
        nn.Module._save_to_state_dict(self, *args)

    def _load_from_state_dict(self, *args: Any) -> None:
        nn.Module._load_from_state_dict(self, *args)


class F11(F10):
    """The mask is a buffer that is not persistent."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask)
        self.register_buffer("mask", mask, persistent=False)


class HalfSaved(F10):
    """The mask is left out when a state dict is made, but required when one is loaded."""

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        return {}


def adapter(variant: type[Fake], mask_storage: str = "nowhere") -> FakeAdapter:
    """Return the adapter of a variant, which declares where masks are stored."""
    made = FakeAdapter()
    made.fake = variant  # type: ignore[misc]
    made.contract = replace(FakeAdapter.contract, mask_storage=mask_storage)
    return made
