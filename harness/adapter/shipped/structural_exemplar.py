"""The structural exemplar: a correct, small sparsifier that removes channels and everything that depends on them.

It finds the dependencies with torch.fx, and shares no code with the oracle.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...values.contract import Contract
from ...values.pattern import Channel
from ...values.plan import Plan
from ...values.schedule import KINDS, OPTIONS, Schedule
from ..holders import split_name
from ..protocol import Adapter, Context, Saved, Sparsified
from ..schedules import Scheduled
from .channel_dependencies import FIXED, PLANNED, TRANSPOSED, Dependencies, groups_of, is_depthwise
from .exemplar import Refused, select
from .exemplar_schedule import ExemplarSchedule

_GATES = 4
"""The rows of each parameter of an LSTM that belong to one hidden unit."""


class ChannelRemover(Sparsified):
    """The structural exemplar at work on one model; `gone` are the labels removed so far."""

    dependencies: ClassVar[type[Dependencies]] = Dependencies

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan)
        self.contract = contract
        self.labels = self.dependencies(model)
        self.gone: list[int] = []
        for name in plan.names:
            if FIXED in self.labels.gives.get(split_name(name)[0], [FIXED]):
                raise Refused(f"{name}: its outputs are added to the model's own inputs, which stay, or never used")
        if contract.masks_at == "attach":
            self.update()

    def update(self, level: float | None = None) -> None:
        plan = self.plan if level is None else self.plan.at_level(float(level))
        names = [plan.names] if plan.scope == "all" else [(name,) for name in plan.names]
        chosen = [label for group in names for label in self.chosen(plan, group)]
        self.remove(chosen)

    def chosen(self, plan: Plan, names: tuple[str, ...]) -> list[int]:
        """Return the labels of the lowest-scoring channels of the weights `names`, ranked together."""
        pattern = plan.patterns[names[0]]
        assert isinstance(pattern, Channel)
        scores = torch.cat([self.scores(self._by_unit(name)) for name in names])
        labels = [label for name in names for label in self.labels.gives[split_name(name)[0]]]
        alive = [label for label in labels if label not in self.gone]
        padding = scores.new_full((len(labels) - len(alive),), -1.0)
        kept = torch.cat((torch.ones_like(scores), padding)) > 0
        left = select(torch.cat((scores, padding)), pattern.level, self.contract, kept)
        if len({*labels}) < len(labels):
            return _chosen_together(names, labels, alive, scores, int(left.sum()))
        return [label for label, stays in zip(alive, left.tolist(), strict=False) if not stays]

    def _by_unit(self, name: str) -> Tensor:
        """Return a planned weight with one row for each output channel; an LSTM has one row for each gate of it."""
        weight = self.model.get_parameter(name)
        layer = self.model.get_submodule(split_name(name)[0])
        if not isinstance(layer, nn.LSTM):
            return weight
        return weight.reshape(_GATES, layer.hidden_size, -1).transpose(0, 1)

    def scores(self, weight: Tensor) -> Tensor:
        """Return one score per remaining output channel."""
        power = weight.detach().double().abs() if self.contract.score == "magnitude-l1" else weight.detach().double()**2
        return power.flatten(1).sum(1)

    def remove(self, labels: Iterable[int]) -> None:
        """Remove the channels with `labels` from every module that has them as outputs or inputs."""
        before = set(self.gone)
        self.gone = sorted(before | set(labels))
        for name, gives in self.labels.gives.items():
            outputs, inputs = (
                torch.tensor([at for at, one in enumerate(one for one in every if one not in before)
                              if one not in self.gone], dtype=torch.long)
                for every in (gives, self.labels.takes[name])
            )
            with torch.inference_mode(False):
                self.cut(self.model.get_submodule(name), outputs, inputs)

    def cut(self, module: nn.Module, outputs: Tensor, inputs: Tensor) -> None:
        """Reduce one module to some of its outputs and inputs."""
        for name, parameter in list(module.named_parameters(recurse=False)):
            is_lstm = isinstance(module, nn.LSTM)
            part = partial(_cut_lstm, name) if is_lstm else partial(_cut, module)
            left = part(parameter.detach(), outputs, inputs)
            setattr(module, name, nn.Parameter(left, parameter.requires_grad))
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.dim():
                setattr(module, name, _cut(module, buffer, outputs, inputs))
        _set_sizes(module, len(outputs), len(inputs))

    def schedule(self, schedule: Schedule) -> Scheduled:
        if lacks := set(schedule.needs) - set(self.contract.offered_schedules):
            raise Refused(f"{', '.join(self.plan.names)}: no schedule {' '.join(sorted(lacks))} is supported")
        return ExemplarSchedule(self, schedule)

    def masks(self) -> dict[str, Tensor]:
        return {}

    def finalize(self) -> nn.Module:
        return self.model

    def sidecar(self) -> dict[str, Tensor]:
        return {"gone": torch.tensor(self.gone, dtype=torch.long)}

    def load(self, saved: Saved) -> None:
        self.remove(saved.sidecar["gone"].tolist())
        self.model.load_state_dict(saved.model)


def _chosen_together(
    names: tuple[str, ...], labels: list[int], alive: list[int], scores: Tensor, left: int
) -> list[int]:
    """Return the labels to remove where as many channels have each label, which has their common score.

    Args:
        names: The planned weights.
        labels: The labels of all their channels.
        alive: Those of the remaining ones.
        scores: The score of each remaining one.
        left: The number of channels that must remain.
    """
    size = len(labels) // len({*labels})
    if len(names) > 1 or left % size or any(labels.count(one) != size for one in labels):
        raise Refused(f"{', '.join(names)}: {left} of {len(labels)} channels are no equal parts of {size} groups")
    common = {one: sum(score for label, score in zip(alive, scores.tolist(), strict=True) if label == one)
              for one in alive}
    return sorted(common, key=lambda one: common[one])[: len(common) - left // size]


def _cut(module: nn.Module, values: Tensor, outputs: Tensor, inputs: Tensor) -> Tensor:
    outputs, inputs = outputs.to(values.device), inputs.to(values.device)
    if values.dim() == 1 or is_depthwise(module):
        left = values.index_select(0, outputs)
    elif isinstance(module, TRANSPOSED):
        left = values.index_select(0, inputs).index_select(1, outputs)
    else:
        left = _cut_groups(values, groups_of(module), inputs).index_select(0, outputs)
    return left.contiguous(memory_format=_memory_format(values))


def _cut_lstm(name: str, values: Tensor, units: Tensor, inputs: Tensor) -> Tensor:
    """Return the entries of a parameter of an LSTM that belong to hidden units and inputs."""
    units, inputs = units.to(values.device), inputs.to(values.device)
    rows = values.reshape(_GATES, -1, *values.shape[1:]).index_select(1, units).flatten(0, 1)
    if name.startswith("bias"):
        return rows
    return rows.index_select(1, inputs if name.startswith("weight_ih") else units).contiguous()


def _cut_groups(values: Tensor, groups: int, inputs: Tensor) -> Tensor:
    """Return the columns of each group's rows that belong to inputs, of which each group keeps as many."""
    if groups == 1:
        return values.index_select(1, inputs)
    rows = torch.arange(len(values), device=values.device)
    columns = (inputs % values.shape[1]).reshape(groups, -1).repeat_interleave(len(values) // groups, 0)
    return values[rows[:, None], columns]


def _memory_format(values: Tensor) -> torch.memory_format:
    """Return the memory format of a weight, which what is left of it keeps."""
    is_last = values.dim() == 4 and values.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if is_last and not values.is_contiguous() else torch.contiguous_format


def _set_sizes(module: nn.Module, outputs: int, inputs: int) -> None:
    if isinstance(module, nn.Linear):
        module.in_features, module.out_features = inputs, outputs
    elif isinstance(module, (nn.Conv1d, nn.Conv2d, *TRANSPOSED)):
        module.groups = inputs if is_depthwise(module) else module.groups
        module.in_channels, module.out_channels = inputs, outputs
    elif isinstance(module, nn.LSTM):
        module.input_size, module.hidden_size = inputs, outputs
    elif isinstance(module, nn.LayerNorm):
        module.normalized_shape = (outputs,)
    elif isinstance(module, nn.GroupNorm):
        module.num_channels = outputs
    else:
        module.num_features = outputs  # type: ignore[assignment]


class StructuralExemplarAdapter(Adapter):
    """Adapter of the structural exemplar. It supports everything that its profile offers."""

    distribution = "sparsecheck"
    catalogue = 4
    profile = "structural"
    supported = (
        "linear conv1d conv2d channel scope_all float64 float32 bfloat16 float16 cpu accelerator "
        "per_parameter reupdate relevel finalize restore trace export compile save_trace deepcopy"
    )
    unsupported = "embedding given unstructured block n_of_m any_n_of_m input_channel band tied"
    contract: Contract = Contract(
        holds="in place", rounding="half-even", level_basis="dense", score="magnitude-l1", masks_at="update",
        regrowth="monotone", mask_storage="sidecar", restores_into="attached", ragged="refuse", ties="lowest index",
        optimizers="rebuilt", schedules=" ".join((*KINDS, *OPTIONS)),
    )
    sparsified: ClassVar[type[ChannelRemover]] = ChannelRemover

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan, model)
        for name, pattern in plan.patterns.items():
            if not isinstance(pattern, Channel) or pattern.dim:
                raise Refused(f"{name}: {pattern} removes no output channels")
            path, own = split_name(name)
            layer = model.get_submodule(path)
            has_parts = groups_of(layer) > 1 and not is_depthwise(layer)
            if not isinstance(layer, PLANNED) or own.startswith("bias") or has_parts:
                raise Refused(f"{name}: its layer has no output channels that could go")
        return self.sparsified(model, plan, self.contract)
