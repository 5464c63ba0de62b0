"""The exemplar: a correct, small sparsifier with a configurable contract.

It proves that every requirement can be met, and that a legitimate difference in the contract is not a failure. It
ranks in torch and shares no code with the oracles.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ...values.contract import Contract
from ...values.pattern import Band, Block, Channel, Given, NofM, Pattern, Unstructured
from ...values.plan import Plan
from ...values.schedule import KINDS, OPTIONS, Schedule
from ..holders import ParametrizedSparsified, split_name
from ..protocol import Adapter, Context, Saved, Sparsified
from ..schedules import Scheduled
from .exemplar_schedule import ExemplarSchedule

CONTRACT = Contract(
    holds="parametrization",
    rounding="half-even",
    level_basis="dense",
    score="magnitude-l1",
    masks_at="update",
    regrowth="free",
    mask_storage="model",
    restores_into="attached",
    ragged="keep",
    ties="lowest index",
    parameter_order="changed",
    weight_attribute="computed",
    averages="sparse without buffers",
    threads="forward",
)


class Refused(ValueError):
    """Raised for a request that the exemplar does not carry out; the message names the parameter or the call."""


class Keep(nn.Module):
    """The parametrization: removed entries are zero, whatever the dense weight contains there.

    The mask and the product have the memory format of the weight.
    """

    mask: Tensor

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones_like(weight, dtype=torch.bool), persistent=persistent)

    def forward(self, weight: Tensor) -> Tensor:
        return torch.where(~self.mask, 0, weight)


class Exemplar(ParametrizedSparsified):
    """The exemplar at work on one model.

    It works in every grad mode of the caller. Once it is finalized, it refuses every further call.

    Attributes:
        keep: The parametrization that it registers.
        is_finalized: Whether it has been finalized.
        remembered: The weights that it can rewind to, by planned name.
    """

    keep: ClassVar[type[Keep]] = Keep

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan)
        self.contract = contract
        self.is_finalized = False
        self.remembered: dict[str, Tensor] = {}
        self._order = _orders(model, plan)
        with torch.inference_mode(False):
            for name in plan.names:
                self._register(name)
        if contract.masks_at == "attach":
            self.update()

    def _register(self, name: str) -> None:
        weight = self.model.get_parameter(name)
        keep = self.keep(weight, self.contract.mask_storage in ("model", "both"))
        for module, attribute in _holders(self.model, weight):
            with _accumulator_kept(weight):
                parametrize.register_parametrization(module, attribute, keep)

    def _refuse_if_finalized(self, call: str) -> None:
        if self.is_finalized:
            raise Refused(f"{call}: {', '.join(self.plan.names)} are finalized and have no masks; attach again first")

    def update(self, level: float | None = None) -> None:
        self._refuse_if_finalized("update")
        plan = self.plan if level is None else self.plan.at_level(float(level))
        with torch.no_grad():
            masks = self._ranked_together(plan) if plan.scope == "all" else self._ranked_each(plan)
            for name, mask in masks.items():
                self.mask_tensor(name).copy_(mask)

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        return {
            name: new_mask(pattern, self._dense(name), self.mask_tensor(name), self.contract)
            for name, pattern in plan.patterns.items()
        }

    def _ranked_together(self, plan: Plan) -> dict[str, Tensor]:
        weights = {name: self._dense(name) for name in plan.names}
        device = next(iter(weights.values())).device
        with torch.autocast(device.type, enabled=False):  # which refuses torch.cat in some dtypes
            flat = torch.cat([weight.flatten() for weight in weights.values()])
        kept = torch.cat([self.mask_tensor(name).flatten() for name in weights])
        mask = new_mask(next(iter(plan.patterns.values())), flat, kept, self.contract)
        parts = mask.split([weight.numel() for weight in weights.values()])
        return {
            name: part.view_as(weight) for (name, weight), part in zip(weights.items(), parts, strict=True)
        }

    def _dense(self, name: str) -> Tensor:
        path, attribute = split_name(name)
        parametrizations = self.model.get_submodule(path).get_submodule(f"parametrizations.{attribute}")
        return parametrizations.original.detach()  # type: ignore[union-attr,operator,return-value,no-any-return,unused-ignore]

    def sidecar(self) -> dict[str, Tensor]:
        if self.contract.mask_storage not in ("sidecar", "both"):
            return {}
        return {name: self.mask_tensor(name).clone() for name in self.plan.names}

    def masks(self) -> dict[str, Tensor]:
        self._refuse_if_finalized("masks")
        return super().masks()

    def save(self) -> Saved:
        self._refuse_if_finalized("save")
        return super().save()

    def load(self, saved: Saved) -> None:
        self._refuse_if_finalized("load")
        _check_shapes(self.model, saved.model)
        super().load(saved)

    def load_sidecar(self, sidecar: dict[str, Tensor]) -> None:
        for name, mask in sidecar.items():
            if mask.shape != self.mask_tensor(name).shape:
                raise Refused(f"{name} has shape {tuple(self.mask_tensor(name).shape)}, saved was {tuple(mask.shape)}")
            self.mask_tensor(name).copy_(mask)

    def schedule(self, schedule: Schedule) -> Scheduled:
        if lacks := set(schedule.needs) - set(self.contract.offered_schedules):
            raise Refused(f"{', '.join(self.plan.names)}: no schedule {' '.join(sorted(lacks))} is supported")
        return ExemplarSchedule(self, schedule)

    def remember(self) -> None:
        self.remembered = {name: self._dense(name).clone() for name in self.plan.names}

    def rewind(self) -> None:
        self._refuse_if_finalized("rewind")
        if self.contract.rewinds == "no" or not self.remembered:
            raise Refused(f"rewind: no first weights of {', '.join(self.plan.names)} are remembered")
        with torch.no_grad():
            for name, first in self.remembered.items():
                self._dense(name).copy_(first)

    def finalize(self) -> nn.Module:
        self._refuse_if_finalized("finalize")
        with torch.inference_mode(False):
            for name in self.plan.names:
                self._make_plain(name)
        for path, names in self._order.items():
            reorder(self.model.get_submodule(path), names)
        self.is_finalized = True
        return self.model

    def _make_plain(self, name: str) -> None:
        keep, path = next(self.parametrizations(name)), _original(name)
        weight = self.model.get_parameter(path)
        for module, attribute in _parametrized_by(self.model, keep):
            with _accumulator_kept(weight):
                parametrize.remove_parametrizations(module, attribute)


class ExemplarAdapter(Adapter):
    """Adapter of the exemplar. It supports everything; `contract` may be replaced by another one that is true."""

    distribution = "sparsecheck"
    catalogue = 4
    supported = (
        "linear conv1d conv2d embedding given unstructured block n_of_m any_n_of_m channel input_channel band "
        "scope_all float64 float32 bfloat16 float16 cpu accelerator per_parameter reupdate relevel tied finalize "
        "restore trace export compile save_trace deepcopy"
    )
    contract = replace(CONTRACT, schedules=" ".join((*KINDS, *OPTIONS)), rewinds="yes")
    sparsified: ClassVar[type[Exemplar]] = Exemplar

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        for name, pattern in plan.patterns.items():
            _check(model, name, pattern, self.contract)
        return self.sparsified(model, plan, self.contract)

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        for name in plan.names:
            stored = saved.model.get(_original(name))
            if stored is None:
                raise Refused(f"{name}: the saved state has no dense weight for it; was it saved from a sparse model?")
            if stored.shape != dense_model.get_parameter(name).shape:
                raise Refused(f"{name} has shape {tuple(dense_model.get_parameter(name).shape)}, "
                              f"saved was {tuple(stored.shape)}")
        return super().restore(dense_model, plan, saved, context)


@contextmanager
def _accumulator_kept(weight: nn.Parameter) -> Iterator[None]:
    """Keep the gradient accumulator of a parameter while torch registers or removes a parametrization.

    `torch.nn.utils.parametrize` calls `weight.set_`, which gives the parameter a new accumulator and so drops the hooks
    on it, such as those of DistributedDataParallel. Assigning to `data` does not.
    """

    def set_(values: Tensor) -> Tensor:
        weight.data = values.detach()
        return weight

    vars(weight)["set_"] = set_
    try:
        yield
    finally:
        del vars(weight)["set_"]


def reorder(module: nn.Module, names: tuple[str, ...]) -> None:
    """List those parameters of a module first that are in `names`, in that order."""
    parameters = module._parameters
    for name in [*names, *(name for name in list(parameters) if name not in names)]:
        if name in parameters:
            parameters[name] = parameters.pop(name)


def _orders(model: nn.Module, plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the names of the parameters of each module that holds a planned one, by the module's path."""
    planned = [weight for name, weight in model.named_parameters(remove_duplicate=False) if name in plan.names]
    orders = {path: tuple(module._parameters) for path, module in model.named_modules()}
    return {
        path: names for path, names in orders.items()
        if any(own is weight for own in model.get_submodule(path)._parameters.values() for weight in planned)
    }


def _original(name: str) -> str:
    """Return the name under which the sparse model holds the dense weight."""
    path, attribute = split_name(name)
    return f"{path}.parametrizations.{attribute}.original".lstrip(".")


def _check_shapes(model: nn.Module, state: dict[str, Any]) -> None:
    for name, tensor in model.state_dict().items():
        if name in state and state[name].shape != tensor.shape:
            raise Refused(f"{name} has shape {tuple(tensor.shape)}, saved was {tuple(state[name].shape)}")


def _holders(model: nn.Module, weight: Tensor) -> list[tuple[nn.Module, str]]:
    """Return every place where a module holds a parameter: several if weights are tied."""
    return [
        (module, attribute)
        for module in model.modules()
        for attribute, parameter in module.named_parameters(recurse=False, remove_duplicate=False)
        if parameter is weight
    ]


def _parametrized_by(model: nn.Module, keep: nn.Module) -> list[tuple[nn.Module, str]]:
    return [
        (module, attribute)
        for module in model.modules()
        if parametrize.is_parametrized(module)
        for attribute, parametrizations in module.parametrizations.items()  # type: ignore[union-attr,operator]
        if keep in list(parametrizations)
    ]


def _check(model: nn.Module, name: str, pattern: Pattern, contract: Contract) -> None:
    path, attribute = split_name(name)
    try:
        module = model.get_submodule(path)
    except AttributeError:
        raise Refused(f"{name}: the model has no such parameter") from None
    if parametrize.is_parametrized(module, attribute):
        raise Refused(f"{name} is sparsified already")
    if not isinstance(getattr(module, attribute, None), nn.Parameter):
        raise Refused(f"{name}: the model has no such parameter")
    _check_shape(name, tuple(getattr(module, attribute).shape), pattern, contract)


def _check_shape(name: str, shape: tuple[int, ...], pattern: Pattern, contract: Contract) -> None:
    if isinstance(pattern, Given) and pattern.mask.shape != shape:
        raise Refused(f"{name} has shape {shape}, its mask {pattern.mask.shape}")
    if any(size % contract.multiple for size in shape[:2]):
        raise Refused(f"{name} has shape {shape}; it takes {contract.sizes}")
    if isinstance(pattern, (Block, Band)) and len(shape) != 2:
        raise Refused(f"{name} has shape {shape}; {pattern} takes a matrix")
    if isinstance(pattern, Channel) and pattern.dim >= len(shape):
        raise Refused(f"{name} has shape {shape}; {pattern} takes a weight with a dimension {pattern.dim}")
    if isinstance(pattern, NofM) and (not shape or shape[-1] % pattern.m):
        raise Refused(f"{name} has shape {shape}; {pattern} takes multiples of {pattern.m} inputs")
    if isinstance(pattern, Block) and contract.ragged == "refuse" and any(
        size % edge for size, edge in zip(shape, pattern.shape, strict=True)
    ):
        raise Refused(f"{name} has shape {shape}, no multiple of the block {pattern.shape}")


def new_mask(pattern: Pattern, weight: Tensor, kept: Tensor, contract: Contract) -> Tensor:
    """Return the mask after an update.

    Args:
        pattern: The pattern.
        weight: The dense weight.
        kept: The mask before the update, of the weight's shape.
        contract: The contract.
    """
    if isinstance(pattern, Given):
        return torch.tensor(pattern.mask, device=weight.device)
    if isinstance(pattern, Band):
        rows, columns = (torch.arange(size, device=weight.device) for size in weight.shape)
        return (rows[:, None] - columns[None, :]).abs() <= pattern.width // 2
    power = weight.double().abs() if contract.score == "magnitude-l1" else weight.double().square()
    if contract.regrowth == "monotone":
        power = torch.where(kept, power, -1.0)
    if isinstance(pattern, Unstructured):
        return select(power.flatten(), pattern.level, contract, kept.flatten()).view_as(weight)
    if isinstance(pattern, Channel):
        return _channels(pattern, power, kept, contract)
    return _blocks(pattern, power, kept, contract) if isinstance(pattern, Block) else _groups(pattern, power, contract)


def _channels(pattern: Channel, power: Tensor, kept: Tensor, contract: Contract) -> Tensor:
    others = [axis for axis in range(power.dim()) if axis != pattern.dim]
    chosen = select(power.sum(others), pattern.level, contract, kept.amax(others))
    return chosen.view([-1 if axis == pattern.dim else 1 for axis in range(power.dim())]).expand_as(power)


def _groups(pattern: NofM, power: Tensor, contract: Contract) -> Tensor:
    groups = power.reshape(-1, pattern.m)
    order = _descending(groups, contract)
    return torch.zeros_like(groups, dtype=torch.bool).scatter_(1, order[:, : pattern.n], True).view_as(power)


def _blocks(pattern: Block, power: Tensor, kept: Tensor, contract: Contract) -> Tensor:
    (rows, columns), (high, wide) = power.shape, pattern.shape
    down, across = (rows // high, columns // wide)
    if contract.ragged == "prune":
        down, across = math.ceil(rows / high), math.ceil(columns / wide)
    tall, broad = min(rows, down * high), min(columns, across * wide)
    padded = torch.zeros(2, down * high, across * wide, dtype=power.dtype, device=power.device)
    padded[:, :tall, :broad] = torch.stack((power, kept.to(power.dtype)))[:, :tall, :broad]
    scores, left = padded.view(2, down, high, across, wide).sum((2, 4)).flatten(1)
    alive = left > 0
    chosen = select(scores, pattern.level, contract, alive).view(down, across)
    mask = torch.ones_like(power, dtype=torch.bool)
    mask[:tall, :broad] = chosen.repeat_interleave(high, 0).repeat_interleave(wide, 1)[:tall, :broad]
    return mask


def select(scores: Tensor, level: float, contract: Contract, kept: Tensor) -> Tensor:
    """Return which units are kept, as booleans.

    Args:
        scores: One score per unit.
        level: The fraction to remove.
        contract: The contract.
        kept: The units kept before the update.
    """
    if contract.level_basis == "remaining":
        gone = int((~kept).sum())
        removed = gone + _rounded(level * (len(scores) - gone), contract)
    else:
        removed = _rounded(level * len(scores), contract)
    if contract.regrowth == "monotone":
        removed = max(removed, int((~kept).sum()))
    order = _descending(scores, contract)
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(0, order[: len(scores) - removed], True)


def _descending(scores: Tensor, contract: Contract) -> Tensor:
    """Return indices by descending score along the last dimension; equal scores are ordered by the tie rule."""
    if contract.ties != "highest index":
        return scores.sort(dim=-1, descending=True, stable=True).indices
    return scores.shape[-1] - 1 - scores.flip(-1).sort(dim=-1, descending=True, stable=True).indices


def _rounded(exact: float, contract: Contract) -> int:
    nearest = round(exact)
    if math.isclose(exact, nearest, abs_tol=1e-9):
        return nearest
    half_up = math.floor(exact + 0.5)
    ways = {"half-even": nearest, "half-up": half_up, "floor": math.floor(exact), "ceil": math.ceil(exact)}
    return ways[contract.rounding]
