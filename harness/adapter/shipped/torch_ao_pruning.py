"""torch.ao.pruning: FakeSparsity by itself, WeightNormSparsifier and NearlyDiagonalSparsifier.

Each is used as its documentation shows, and saved and restored as in torch's own tests.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.ao.pruning import (  # type: ignore[attr-defined,unused-ignore]
    BaseSparsifier,
    CubicSL,
    FakeSparsity,
    LambdaSL,
    NearlyDiagonalSparsifier,
    WeightNormSparsifier,
)
from torch.nn.utils import parametrize

from ...values.contract import Contract
from ...values.pattern import Band, Block, Given, NofM, Pattern, Unstructured
from ...values.plan import Plan
from ...values.schedule import Schedule
from ..holders import ParametrizedSparsified, place
from ..protocol import Adapter, Context, Refusal, Saved, Sparsified
from ..schedules import Scheduled

Config = dict[str, Any]

_CONTRACT = Contract(
    holds="parametrization",
    rounding="half-even",
    level_basis="dense",
    score="magnitude-l1",
    masks_at="update",
    regrowth="free",
    mask_storage="sidecar",
    restores_into="attached",
    ragged="prune",
    ties="any",
    accumulator_hooks="lost",
    parameter_order="changed",
    weight_attribute="computed",
    averages="sparse without buffers",
    threads="forward",
)


class _TorchAdapter(Adapter):
    distribution = "torch"
    catalogue = 4
    homepage = "https://github.com/pytorch/pytorch/tree/main/torch/ao/pruning"
    tracker = "https://github.com/pytorch/pytorch/issues"


class FakeSparsitySparsified(ParametrizedSparsified):
    """A FakeSparsity with the caller's mask on every planned parameter."""

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        fakes = [(*place(model, name), FakeSparsity(_mask(model, name, plan))) for name in plan.names]
        for module, attribute, fake in fakes:
            parametrize.register_parametrization(module, attribute, fake)

    def update(self, level: float | None = None) -> None:
        if level is not None:
            raise Refusal(f"{', '.join(self.plan.names)}: a given mask has no level")

    def load(self, saved: Saved) -> None:
        self.model.load_state_dict(saved.model, strict=False)


def _mask(model: nn.Module, name: str, plan: Plan) -> Tensor:
    pattern, weight = plan.patterns[name], getattr(*place(model, name))
    assert isinstance(pattern, Given)
    return torch.tensor(pattern.mask, dtype=weight.dtype, device=weight.device)


class FakeSparsityAdapter(_TorchAdapter):
    """Adapter of the parametrization alone; the masks are the caller's, and no one saves them."""

    supported = (
        "linear conv1d conv2d embedding given float64 float32 bfloat16 float16 cpu accelerator per_parameter "
        "reupdate finalize restore trace export compile save_trace deepcopy"
    )
    unsupported = "unstructured block n_of_m any_n_of_m channel input_channel band scope_all relevel tied"
    contract = replace(_CONTRACT, score="given", masks_at="attach", regrowth="monotone", mask_storage="nowhere")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        return FakeSparsitySparsified(model, plan)


class PreparedSparsified(ParametrizedSparsified):
    """A model that a BaseSparsifier has prepared."""

    def __init__(self, model: nn.Module, plan: Plan, sparsifier: BaseSparsifier) -> None:
        super().__init__(model, plan)
        self.sparsifier = sparsifier
        sparsifier.prepare(model, [{"tensor_fqn": name, **self.config(plan.patterns[name])} for name in plan.names])

    def config(self, pattern: Pattern) -> Config:
        """Return the sparsifier's configuration for one pattern."""
        raise NotImplementedError

    def update(self, level: float | None = None) -> None:
        plan = self.plan if level is None else self.plan.at_level(level)
        for group in self.sparsifier.groups:
            group.update(self.config(plan.patterns[group["tensor_fqn"]]))
        self.sparsifier.step()

    def finalize(self) -> nn.Module:
        self.sparsifier.squash_mask()
        return self.model

    def sidecar(self) -> Config:
        return self.sparsifier.state_dict()

    def load(self, saved: Saved) -> None:
        self.model.load_state_dict(saved.model, strict=False)
        self.sparsifier.load_state_dict(saved.sidecar)


class UnderScheduler(Scheduled):
    """LambdaSL or CubicSL at work on a sparsifier, which is stepped before it.

    LambdaSL multiplies a group's level, here 1, by the function; CubicSL takes it as the final level.
    """

    def __init__(self, sparsifier: BaseSparsifier, schedule: Schedule) -> None:
        self.sparsifier = sparsifier
        self.last: list[float] = []
        is_function = schedule.kind == "lambda"
        for group in sparsifier.groups:
            group["sparsity_level"] = 1.0 if is_function else schedule.final
        self.scheduler: Any = LambdaSL(sparsifier, schedule.function) if is_function else CubicSL(
            sparsifier, init_sl=schedule.initial, init_t=schedule.begin, delta_t=schedule.every,
            total_t=(schedule.end - schedule.begin) // schedule.every, initially_zero=True,
        )

    def advance(self) -> None:
        self.last = list(self.scheduler.get_last_sl())
        self.sparsifier.step()
        self.scheduler.step()

    def skip(self) -> None:
        self.scheduler.step()

    def levels(self) -> dict[str, float]:
        return {group["tensor_fqn"]: level for group, level in zip(self.sparsifier.groups, self.last, strict=True)}

    def state(self) -> Any:
        return {"scheduler": self.scheduler.state_dict(), "sparsifier": self.sparsifier.state_dict()}

    def load(self, state: Any) -> None:
        """Load both, the sparsifier last, since making a scheduler sets the level of its first step."""
        self.scheduler.load_state_dict(state["scheduler"])
        self.sparsifier.load_state_dict(state["sparsifier"])


class WeightNormSparsified(PreparedSparsified):
    """N:M is configured as 1 x m blocks with m - n zeros each; single entries as 1 x 1 blocks."""

    def schedule(self, schedule: Schedule) -> Scheduled:
        if schedule.kind not in ("lambda", "cubic"):
            raise Refusal(f"{', '.join(self.plan.names)}: torch.ao.pruning has no {schedule.kind} schedule")
        return UnderScheduler(self.sparsifier, schedule)

    def config(self, pattern: Pattern) -> Config:
        if isinstance(pattern, NofM):
            return _blocks((1, pattern.m), 1.0, pattern.m - pattern.n)
        if isinstance(pattern, Block):
            return _blocks(pattern.shape, pattern.level, pattern.shape[0] * pattern.shape[1])
        assert isinstance(pattern, Unstructured)
        return _blocks((1, 1), pattern.level, 1)


def _blocks(shape: tuple[int, int], level: float, zeros: int) -> Config:
    return {"sparsity_level": level, "sparse_block_shape": shape, "zeros_per_block": zeros}


class WeightNormL1Adapter(_TorchAdapter):
    """Adapter of WeightNormSparsifier with norm=1."""

    supported = (
        "linear embedding unstructured block n_of_m any_n_of_m float64 float32 bfloat16 float16 cpu accelerator "
        "per_parameter reupdate relevel finalize restore trace export compile save_trace deepcopy"
    )
    unsupported = "conv1d conv2d given channel input_channel band scope_all tied"
    contract = replace(_CONTRACT, schedules="lambda cubic begin every")
    norm: ClassVar[int] = 1

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        return WeightNormSparsified(model, plan, WeightNormSparsifier(norm=self.norm))


class WeightNormL2Adapter(WeightNormL1Adapter):
    """Adapter of WeightNormSparsifier with norm=2, its default."""

    contract = replace(WeightNormL1Adapter.contract, score="magnitude-l2")
    norm = 2


class NearlyDiagonalSparsified(PreparedSparsified):
    """A band is configured by its width, there called nearliness."""

    def config(self, pattern: Pattern) -> Config:
        assert isinstance(pattern, Band)
        return {"nearliness": pattern.width}

    def update(self, level: float | None = None) -> None:
        if level is not None:
            raise Refusal(f"{', '.join(self.plan.names)}: a band has no level")
        super().update()


class NearlyDiagonalAdapter(_TorchAdapter):
    """Adapter of NearlyDiagonalSparsifier."""

    supported = (
        "linear embedding band float64 float32 bfloat16 float16 cpu accelerator per_parameter "
        "reupdate finalize restore trace export compile save_trace deepcopy"
    )
    unsupported = (
        "conv1d conv2d given unstructured block n_of_m any_n_of_m channel input_channel scope_all relevel tied"
    )
    contract = replace(_CONTRACT, score="position", regrowth="monotone")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        return NearlyDiagonalSparsified(model, plan, NearlyDiagonalSparsifier())
