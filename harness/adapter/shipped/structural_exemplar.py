"""The structural exemplar: a correct, small sparsifier that removes channels and everything that depends on them.

It finds the dependencies with torch.fx, and shares no code with the oracle.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import Tensor, fx, nn

from ...values.contract import Contract
from ...values.pattern import Channel
from ...values.plan import Plan
from ..holders import split_name
from ..protocol import Adapter, Context, Saved, Sparsified
from .exemplar import Refused, select

_PLANNED = (nn.Linear, nn.Conv1d, nn.Conv2d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d)
_WEIGHTED = (*_PLANNED, *_TRANSPOSED)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)
_ADDS = (operator.add, torch.add)

FIXED = -1
"""The label of the model's own inputs, which cannot be removed."""


class Dependencies:
    """The dependencies between channels: those with one label are removed together.

    Attributes:
        gives: By module name, the label of each output channel.
        takes: By module name, the label of each input channel.

    Raises:
        Refused: The model runs a layer twice, or one whose channels are not understood.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._given: dict[fx.Node, list[int]] = {}
        self._spatial = set[fx.Node]()
        self._same: dict[int, int] = {}
        self._count = 0
        gives, takes = dict[str, list[int]](), dict[str, list[int]]()
        for node in fx.symbolic_trace(model).graph.nodes:
            self._given[node] = self._follow(node, gives, takes)
            if self._is_spatial(node):
                self._spatial.add(node)
        self.gives = {name: [self._resolved(one) for one in labels] for name, labels in gives.items()}
        self.takes = {name: [self._resolved(one) for one in labels] for name, labels in takes.items()}

    def _follow(self, node: fx.Node, gives: dict[str, list[int]], takes: dict[str, list[int]]) -> list[int]:
        taken = [self._given[source] for source in node.all_input_nodes]
        if node.op == "call_function" and node.target in _ADDS:
            self._same.update(zip(*map(self._all_resolved, taken), strict=True))
        if node.op == "call_function" and node.target is torch.cat:
            return [label for labels in taken for label in labels]
        if node.op != "call_module":
            return taken[0] if taken else []
        name, module = str(node.target), self._model.get_submodule(str(node.target))
        _check_layer(name, module, name in takes)
        self._check_norm(name, module, node)
        if _groups(module) > 1 and not _is_depthwise(module):
            self._couple(taken[0], _groups(module))
        if isinstance(module, _WEIGHTED):
            takes[name], gives[name] = self._of_weighted(module, taken[0])
            return gives[name]
        if isinstance(module, _NORMS):
            takes[name] = gives[name] = taken[0]
        return taken[0]

    def _is_spatial(self, node: fx.Node) -> bool:
        """Return whether the channels of a node are not its last dimension."""
        module = self._model.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, (nn.Linear, nn.Flatten)):
            return False
        return isinstance(module, (nn.Conv1d, nn.Conv2d)) or any(one in self._spatial for one in node.all_input_nodes)

    def _check_norm(self, name: str, module: nn.Module, node: fx.Node) -> None:
        is_over_others = any(one in self._spatial for one in node.all_input_nodes)
        if isinstance(module, nn.LayerNorm) and (is_over_others or len(module.normalized_shape) > 1):
            raise Refused(f"{name}: a layer norm over other dimensions than the channels is not understood")

    def _couple(self, labels: list[int], groups: int) -> None:
        """Give the channels at the same place in each group one label, so that groups stay equally large."""
        size = len(labels) // groups
        for at in range(size):
            first = self._resolved(labels[at])
            others = (self._resolved(labels[at + number * size]) for number in range(1, groups))
            self._same.update((other, first) for other in others if other != first)

    def _of_weighted(self, module: nn.Module, taken: list[int]) -> tuple[list[int], list[int]]:
        inputs, outputs = _sizes(module)
        repeated = [label for label in taken for _ in range(inputs // len(taken))] or [FIXED] * inputs
        if _is_depthwise(module):
            return repeated, repeated
        self._count += outputs
        return repeated, list(range(self._count - outputs, self._count))

    def _all_resolved(self, labels: list[int]) -> list[int]:
        return [self._resolved(label) for label in labels]

    def _resolved(self, label: int) -> int:
        while self._same.get(label, label) != label:
            label = self._same[label]
        return label


class ChannelRemover(Sparsified):
    """The structural exemplar at work on one model; `gone` are the labels removed so far."""

    dependencies: ClassVar[type[Dependencies]] = Dependencies

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan)
        self.contract = contract
        self.labels = self.dependencies(model)
        self.gone: list[int] = []
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
        scores = torch.cat([self.scores(self.model.get_parameter(name)) for name in names])
        labels = [label for name in names for label in self.labels.gives[split_name(name)[0]]]
        alive = [label for label in labels if label not in self.gone]
        padding = scores.new_full((len(labels) - len(alive),), -1.0)
        kept = torch.cat((torch.ones_like(scores), padding)) > 0
        left = select(torch.cat((scores, padding)), pattern.level, self.contract, kept)
        if len({*labels}) < len(labels):
            return _chosen_together(names, labels, alive, scores, int(left.sum()))
        return [label for label, stays in zip(alive, left.tolist(), strict=False) if not stays]

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
            left = _cut(parameter.detach(), module, outputs, inputs)
            setattr(module, name, nn.Parameter(left, parameter.requires_grad))
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.dim():
                setattr(module, name, _cut(buffer, module, outputs, inputs))
        _set_sizes(module, len(outputs), len(inputs))

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


def _cut(values: Tensor, module: nn.Module, outputs: Tensor, inputs: Tensor) -> Tensor:
    outputs, inputs = outputs.to(values.device), inputs.to(values.device)
    if values.dim() == 1 or _is_depthwise(module):
        left = values.index_select(0, outputs)
    elif isinstance(module, _TRANSPOSED):
        left = values.index_select(0, inputs).index_select(1, outputs)
    else:
        left = _cut_groups(values, _groups(module), inputs).index_select(0, outputs)
    return left.contiguous(memory_format=_memory_format(values))


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


def _check_layer(name: str, module: nn.Module, is_known: bool) -> None:
    """Refuse a layer that the model runs again, or whose channels are not understood."""
    if is_known:
        raise Refused(f"{name}: the model runs this layer twice, and its channels cannot be followed")
    groups, own = getattr(module, "groups", 1), [*module.parameters()]
    inputs = getattr(module, "in_channels", groups)
    if groups > 1 and (isinstance(module, _TRANSPOSED) or groups == inputs != module.out_channels):
        raise Refused(f"{name}: a {type(module).__name__} of {groups} groups of {inputs // groups} is not understood")
    if own and not isinstance(module, (*_WEIGHTED, *_NORMS, nn.Embedding)):
        raise Refused(f"{name}: the channels of {type(module).__name__} are not understood")


def _groups(module: nn.Module) -> int:
    """Return the number of groups of a convolution or a group norm."""
    return int(getattr(module, "groups", getattr(module, "num_groups", 1)))


def _is_depthwise(module: nn.Module) -> bool:
    return getattr(module, "groups", 1) > 1 and module.groups == module.in_channels


def _sizes(module: nn.Module) -> tuple[int, int]:
    """Return the numbers of inputs and outputs."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    assert isinstance(module, (nn.Conv1d, nn.Conv2d, *_TRANSPOSED))
    return module.in_channels, module.out_channels


def _set_sizes(module: nn.Module, outputs: int, inputs: int) -> None:
    if isinstance(module, nn.Linear):
        module.in_features, module.out_features = inputs, outputs
    elif isinstance(module, (nn.Conv1d, nn.Conv2d, *_TRANSPOSED)):
        module.groups = inputs if _is_depthwise(module) else module.groups
        module.in_channels, module.out_channels = inputs, outputs
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
        optimizers="rebuilt",
    )
    sparsified: ClassVar[type[ChannelRemover]] = ChannelRemover

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan, model)
        for name, pattern in plan.patterns.items():
            if not isinstance(pattern, Channel) or pattern.dim:
                raise Refused(f"{name}: {pattern} removes no output channels")
            layer = model.get_submodule(split_name(name)[0])
            if not isinstance(layer, _PLANNED) or (_groups(layer) > 1 and not _is_depthwise(layer)):
                raise Refused(f"{name}: its layer has no output channels that could go")
        return self.sparsified(model, plan, self.contract)
