"""The exemplar with masks that are stored in another form, from which each forward computes them."""

from __future__ import annotations

from typing import Any, cast

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep

from . import variant


class _Code(nn.Module):
    """A parametrization whose subclass stores a mask by `store` and computes it in `mask`."""

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__()
        self.shape = weight.shape

    def mask(self) -> Tensor:
        raise NotImplementedError

    def store(self, mask: Tensor) -> None:
        raise NotImplementedError

    def forward(self, weight: Tensor) -> Tensor:
        return torch.where(torch.empty_like(weight, dtype=torch.bool).copy_(self.mask()), weight, 0)


class _Coded(Exemplar):
    """Reads and stores masks through its parametrizations."""

    def code(self, name: str) -> _Code:
        return cast(_Code, next(self.parametrizations(name)))

    def mask_tensor(self, name: str) -> Tensor:
        return self.code(name).mask()

    def update(self, level: float | None = None) -> None:
        self._refuse_if_finalized("update")
        plan = self.plan if level is None else self.plan.at_level(float(level))
        with torch.no_grad():
            masks = self._ranked_together(plan) if plan.scope == "all" else self._ranked_each(plan)
            for name, mask in masks.items():
                self.code(name).store(mask)


class _Ranks(_Code):
    """The rank of every entry, those that are kept first, and the rank from which on entries are removed."""

    ranks: Tensor
    threshold: Tensor

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        ranks = torch.arange(weight.numel(), dtype=torch.int32, device=weight.device)
        self.register_buffer("ranks", ranks.view(weight.shape), persistent=persistent)
        threshold = torch.tensor(weight.numel(), dtype=torch.int32, device=weight.device)
        self.register_buffer("threshold", threshold, persistent=persistent)

    def mask(self) -> Tensor:
        return self.ranks < self.threshold

    def store(self, mask: Tensor) -> None:
        order = (~mask).flatten().to(torch.uint8).argsort(stable=True)
        self.ranks.copy_(order.argsort().view(mask.shape))
        self.threshold.copy_(mask.sum())


class _WithRanks(_Coded):
    keep = _Ranks  # type: ignore[assignment]


@variant("a threshold instead of a mask")
class ThresholdAdapter(ExemplarAdapter):
    """Keeps ranks and a threshold."""

    sparsified = _WithRanks


class _Indices(_Code):
    """The flat indices of the entries that are kept; the rest of the buffer points behind the end."""

    indices: Tensor

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.register_buffer("indices", torch.arange(weight.numel(), device=weight.device), persistent=persistent)

    def mask(self) -> Tensor:
        count = self.indices.numel()
        flat = torch.zeros(count + 1, dtype=torch.uint8, device=self.indices.device)
        return flat.scatter(0, self.indices, 1)[:count].view(self.shape) != 0

    def store(self, mask: Tensor) -> None:
        kept = mask.flatten().nonzero().flatten()
        self.indices.fill_(self.indices.numel())
        self.indices[: len(kept)] = kept


class _WithIndices(_Coded):
    keep = _Indices  # type: ignore[assignment]


@variant("indices instead of a mask")
class IndicesAdapter(ExemplarAdapter):
    """Keeps the indices of the entries that are kept, as sparse formats do."""

    sparsified = _WithIndices


class _Transposed(_Code):
    """The mask with its dimensions in reverse order."""

    reversed: Tensor

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        ones = torch.ones(weight.shape[::-1], dtype=torch.bool, device=weight.device)
        self.register_buffer("reversed", ones, persistent=persistent)

    def mask(self) -> Tensor:
        return self.reversed.permute(*reversed(range(self.reversed.dim())))

    def store(self, mask: Tensor) -> None:
        self.mask().copy_(mask)


class _WithTransposed(_Coded):
    keep = _Transposed  # type: ignore[assignment]


@variant("transposed masks")
class TransposedAdapter(ExemplarAdapter):
    """Stores its masks transposed."""

    sparsified = _WithTransposed


class _Bytes(Keep):
    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.mask = self.mask.to(torch.int8)

    def forward(self, weight: Tensor) -> Tensor:
        return torch.where(self.mask == 0, 0, weight)


class _WithBytes(Exemplar):
    keep = _Bytes


@variant("int8 masks")
class BytesAdapter(ExemplarAdapter):
    """Its masks are int8, with one for kept entries."""

    contract = replace(CONTRACT, averages="sparse")
    sparsified = _WithBytes


class _Bank(nn.Module):
    """All masks of a model, in a module of their own that every parametrization shares."""


class _FromBank(_Code):
    def __init__(self, bank: _Bank, key: str, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.bank, self.key = bank, key
        bank.register_buffer(key, torch.ones_like(weight, dtype=torch.bool), persistent=persistent)

    def mask(self) -> Tensor:
        return self.bank.get_buffer(self.key)

    def store(self, mask: Tensor) -> None:
        self.mask().copy_(mask)


class _WithBank(_Coded):
    def _register(self, name: str) -> None:
        bank = vars(self).setdefault("bank", _Bank())
        key = f"mask{len(list(bank.buffers()))}"
        self.keep: Any = lambda weight, persistent: _FromBank(bank, key, weight, persistent)  # type: ignore[misc]
        super()._register(name)
        del self.keep


@variant("masks in a module of their own")
class BankAdapter(ExemplarAdapter):
    """Keeps all masks of a model in one module."""

    sparsified = _WithBank


class _Late(_Code):
    """No mask before the first update."""

    late: Tensor | None

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.register_buffer("late", None, persistent=persistent)
        self.where = weight.device

    def mask(self) -> Tensor:
        return torch.ones(self.shape, dtype=torch.bool, device=self.where) if self.late is None else self.late

    def store(self, mask: Tensor) -> None:
        if self.late is None:
            self.late = mask.clone()
        self.late.copy_(mask)

    def forward(self, weight: Tensor) -> Tensor:
        self.where = weight.device
        return weight if self.late is None else super().forward(weight)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any, **kwargs: Any) -> None:
        stored = state_dict.get(f"{prefix}late")
        if self.late is None and stored is not None:
            self.late = torch.ones(self.shape, dtype=torch.bool, device=self.where)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


class _WithLate(_Coded):
    keep = _Late  # type: ignore[assignment]


@variant("masks made at the first update")
class LateAdapter(ExemplarAdapter):
    """Makes each mask when it is first needed."""

    contract = replace(CONTRACT, averages="error")
    sparsified = _WithLate
