"""nncf: magnitude pruning of each parameter by itself or of all together, called as its documentation shows.

`nncf.prune` prunes every weight that it finds, all at one ratio, except an ignored scope; a plan becomes the scope of
all parameters that it does not name.
"""

from __future__ import annotations

import nncf
import nncf.torch
import nncf.torch.function_hook.strip  # nncf.strip would import it later, in the middle of a cell
from nncf.torch.function_hook.pruning.magnitude.algo import get_pruned_modules
from nncf.torch.function_hook.pruning.magnitude.schedulers import (
    ExponentialMagnitudePruningScheduler,
    MultiStepMagnitudePruningScheduler,
)
from torch import Tensor, nn

from ...values.contract import Contract
from ...values.pattern import Unstructured
from ...values.plan import Plan
from ...values.schedule import Schedule
from ..protocol import Adapter, Context, Refusal, Saved, Sparsified
from ..schedules import Scheduled


def _mode(plan: Plan) -> nncf.PruneMode:
    """Return the mode for one ranking per parameter, or for one over all of them."""
    modes = nncf.PruneMode
    return modes.UNSTRUCTURED_MAGNITUDE_GLOBAL if plan.scope == "all" else modes.UNSTRUCTURED_MAGNITUDE_LOCAL


def _ratio(plan: Plan) -> float:
    """Return the plan's level.

    Raises:
        Refusal: There is more than one.
    """
    levels = {pattern.level for pattern in plan.patterns.values() if isinstance(pattern, Unstructured)}
    if len(levels) > 1:
        raise Refusal(f"{', '.join(plan.names)}: nncf.prune takes one ratio for all that it prunes")
    return float(levels.pop())


class UnderScheduler(Scheduled):
    """One of nncf's schedulers at work on a pruned model. It has no state dict; its epoch is what a user saves."""

    def __init__(self, pruned: Pruned, schedule: Schedule) -> None:
        self.names = pruned.plan.names
        model, mode = pruned.model, _mode(pruned.plan)
        self.scheduler = (
            MultiStepMagnitudePruningScheduler(model, mode=mode, steps=dict(schedule.milestones))
            if schedule.kind == "steps" else ExponentialMagnitudePruningScheduler(
                model, mode=mode, initial_ratio=schedule.initial, target_ratio=schedule.final,
                target_epoch=schedule.end,
            )
        )

    def advance(self) -> None:
        self.scheduler.step()

    def levels(self) -> dict[str, float]:
        return dict.fromkeys(self.names, self.scheduler.current_ratio)

    def state(self) -> int:
        return int(self.scheduler.epoch)

    def load(self, state: int) -> None:
        self.scheduler.epoch = state


class Pruned(Sparsified):
    """A model that nncf has wrapped in place, with a mask hooked on each planned weight."""

    def __init__(self, model: nn.Module, plan: Plan, example: Tensor) -> None:
        super().__init__(model, plan)
        self.example = example

    def update(self, level: float | None = None) -> None:
        ratio = _ratio(self.plan) if level is None else level
        MultiStepMagnitudePruningScheduler(self.model, mode=_mode(self.plan), steps={0: ratio}).step()

    def schedule(self, schedule: Schedule) -> Scheduled:
        if schedule.kind not in ("steps", "exponential") or len(schedule.needs) > 1:
            asked = " ".join(schedule.needs)
            raise Refusal(f"{', '.join(self.plan.names)}: nncf has no {asked} schedule")
        return UnderScheduler(self, schedule)

    def masks(self) -> dict[str, Tensor]:
        return {name: hook.binary_mask for name, hook in get_pruned_modules(self.model).items()}

    def sidecar(self) -> dict[str, object]:
        return dict(nncf.torch.get_config(self.model))

    def finalize(self) -> nn.Module:
        stripped: nn.Module = nncf.strip(
            self.model, strip_format=nncf.StripFormat.IN_PLACE, example_input=self.example
        )
        return stripped


class MagnitudeAdapter(Adapter):
    """Adapter of nncf.prune by magnitude."""

    distribution = "nncf"
    catalogue = 4
    homepage = "https://github.com/openvinotoolkit/nncf"
    tracker = "https://github.com/openvinotoolkit/nncf/issues"
    supported = (
        "linear conv1d conv2d embedding unstructured scope_all float64 float32 bfloat16 float16 cpu accelerator "
        "reupdate relevel tied finalize restore trace export compile save_trace deepcopy"
    )
    unsupported = "given block n_of_m any_n_of_m channel input_channel band per_parameter"
    contract = Contract(
        holds="forward",
        rounding="half-up",
        level_basis="dense",
        score="magnitude-l1",
        masks_at="attach",
        regrowth="free",
        mask_storage="model",
        restores_into="dense",
        ragged="refuse",
        ties="any",
        weight_attribute="dense",
        schedules="steps exponential",
    )

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        names = [name for name, _ in model.named_parameters()]
        if unknown := set(plan.names) - set(names):
            raise Refusal(f"{', '.join(sorted(unknown))}: the model has no such parameter to prune")
        others = [name for name in names if name not in plan.names]
        pruned = nncf.prune(
            model, _mode(plan), ratio=_ratio(plan), examples_inputs=context.example_input,
            ignored_scope=nncf.IgnoredScope(names=others, validate=False),
        )
        return Pruned(pruned, plan, context.example_input)

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        restored = nncf.torch.load_from_config(dense_model, saved.sidecar)
        restored.load_state_dict(saved.model)
        return Pruned(restored, plan, context.example_input)
