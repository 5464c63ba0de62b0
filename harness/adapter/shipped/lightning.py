"""lightning: its ModelPruning callback, at the end of an epoch of a real Trainer.

An update is an epoch that trains nothing; training is an epoch that prunes nothing. The callback keeps its masks as
torch.nn.utils.prune does, until it makes them permanent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelPruning
from torch import Tensor, nn

from ...values.contract import Contract
from ...values.pattern import Channel, Unstructured
from ...values.plan import Plan
from ...values.schedule import Schedule
from ..protocol import Adapter, Batch, Context, Loss, Refusal, Sparsified
from ..schedules import Scheduled
from .torch_nn_utils_prune import Pruned


class _Epoch(LightningModule):
    """One epoch over a model: with a loss and an optimizer it trains, without them it does nothing."""

    def __init__(self, model: nn.Module, loss: Loss | None = None, optimizer: torch.optim.Optimizer | None = None):
        super().__init__()
        self.model = model
        self.loss = loss
        self.optimizer = optimizer

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:
        inputs, target = batch
        return None if self.loss is None else self.loss(self.model(inputs), target)

    def configure_optimizers(self) -> torch.optim.Optimizer | None:
        return self.optimizer


def _trainer(callbacks: list[ModelPruning], device: torch.device) -> Trainer:
    return Trainer(
        accelerator=device.type, devices=1, max_epochs=1, callbacks=callbacks, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )


def _run(epoch: _Epoch, batches: Iterable[Batch], callbacks: list[ModelPruning], device: torch.device) -> None:
    _trainer(callbacks, device).fit(epoch, iter(list(batches)))  # a list would be taken for several loaders


class UnderAmount(Scheduled):
    """Callbacks whose amount is a function of the epoch, in one Trainer that goes on for an epoch at a time."""

    def __init__(self, epochs: Epochs, function: Callable[[int], float]) -> None:
        self.epochs = epochs
        self.function = function
        self.last: dict[str, float] = {}
        callbacks = epochs.callbacks(epochs.plan)
        for callback in callbacks:
            callback.amount = function
        self.trainer = _trainer(callbacks, epochs.context.device)

    def advance(self) -> None:
        epoch = self.trainer.current_epoch
        self.trainer.fit_loop.max_epochs = epoch + 1
        self.trainer.fit(_Epoch(self.epochs.model), iter(list(self.epochs.context.batches)))
        self.last = dict.fromkeys(self.epochs.plan.names, self.function(epoch))

    def levels(self) -> dict[str, float]:
        return self.last

    def state(self) -> Any:
        return {"loop": self.trainer.fit_loop.state_dict(), "last": self.last}

    def load(self, state: Any) -> None:
        self.trainer.fit_loop.load_state_dict(state["loop"])
        self.last = state["last"]


class Epochs(Pruned):
    """The callback at work on one model, which a LightningModule holds during an epoch."""

    def __init__(self, model: nn.Module, plan: Plan, context: Context) -> None:
        super().__init__(model, plan)
        self.context = context
        self.lottery: list[ModelPruning] = []

    def callbacks(self, plan: Plan) -> list[ModelPruning]:
        """Return one callback for all parameters in scope `all`, else one per parameter."""
        if plan.scope == "all":
            [level] = {pattern.level for pattern in plan.patterns.values() if isinstance(pattern, Unstructured)}
            return [_callback("l1_unstructured", list(self.places.values()), level, True)]
        return [self.of(name, pattern) for name, pattern in plan.patterns.items()]

    def of(self, name: str, pattern: object) -> ModelPruning:
        """Return a callback for one parameter."""
        if isinstance(pattern, Channel):
            return _callback("ln_structured", [self.places[name]], pattern.level, False, pattern.dim)
        assert isinstance(pattern, Unstructured)
        return _callback("l1_unstructured", [self.places[name]], pattern.level, False)

    def update(self, level: float | None = None) -> None:
        plan = self.plan if level is None else self.plan.at_level(level)
        _run(_Epoch(self.model), self.context.batches, self.callbacks(plan), self.context.device)

    def train(self, batches: Iterable[Batch], loss: Loss, optimizer: torch.optim.Optimizer) -> None:
        _run(_Epoch(self.model, loss, optimizer), batches, [], self.context.device)

    def schedule(self, schedule: Schedule) -> Scheduled:
        if schedule.needs != ("lambda",):
            asked = " ".join(schedule.needs)
            raise Refusal(f"{', '.join(self.plan.names)}: ModelPruning has no {asked} schedule, only a function")
        return UnderAmount(self, schedule.function)

    def remember(self) -> None:
        self.lottery = self.callbacks(self.plan)
        for callback in self.lottery:
            callback._use_lottery_ticket_hypothesis = True
            callback.setup(_trainer([], self.context.device), _Epoch(self.model), "fit")

    def rewind(self) -> None:
        for callback in self.lottery:
            callback.apply_lottery_ticket_hypothesis()

    def finalize(self) -> nn.Module:
        for callback in self.callbacks(self.plan):
            callback.make_pruning_permanent(self.model)
        return self.model


def _callback(
    function: str, places: list[tuple[nn.Module, str]], level: float, together: bool, dim: int | None = None
) -> ModelPruning:
    return ModelPruning(
        function, places, amount=float(level), use_global_unstructured=together, pruning_dim=dim,
        pruning_norm=None if dim is None else 1, use_lottery_ticket_hypothesis=False, make_pruning_permanent=False,
    )


class ModelPruningAdapter(Adapter):
    """Adapter of lightning.pytorch.callbacks.ModelPruning, with l1_unstructured and ln_structured."""

    distribution = "lightning"
    catalogue = 4
    homepage = "https://lightning.ai/docs/pytorch/stable/advanced/pruning_quantization.html"
    tracker = "https://github.com/Lightning-AI/pytorch-lightning/issues"
    supported = (
        "linear conv1d conv2d embedding unstructured channel input_channel scope_all float64 float32 bfloat16 float16 "
        "cpu accelerator per_parameter reupdate relevel finalize restore trace export compile save_trace deepcopy"
    )
    unsupported = "given block n_of_m any_n_of_m band tied"
    contract = Contract(
        holds="buffer", rounding="half-even", level_basis="remaining", score="magnitude-l1", masks_at="update",
        regrowth="monotone", mask_storage="model", restores_into="attached", ragged="refuse", ties="any",
        parameter_order="changed", weight_attribute="stale", averages="error", schedules="lambda", rewinds="yes",
        threads="forward",
    )

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        if plan.scope == "all" and len(set(plan.patterns.values())) > 1:
            raise Refusal(f"{', '.join(plan.names)}: ModelPruning takes one amount in scope 'all'")
        return Epochs(model, plan, context)
