"""Assertions on models whose channels were removed.

The removed channels of the planned layers are read from shapes and entries; everything else that must be gone follows
from the dependencies between channels, which the oracle derives from the network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..oracle import channels, compare, ranking
from ..oracle.channels import Groups, KeptChannels
from ..oracle.compare import array
from ..oracle.units import Mask, Reals, Units, total_removed
from ..values.comparisons import note
from ..values.network import Layer
from ..values.pattern import Channel
from ..values.violation import Violation, require
from . import models
from .baseline import BATCHES, Baseline
from .pruned_model import read_tensor, read_tensors, remaining_masks
from .training import train, train_plain

if TYPE_CHECKING:
    from ..adapter.protocol import Sparsified
    from ..trials.trial import Trial


@dataclass(frozen=True)
class ExpectedPruning:
    """The parameters that must remain of the dense model, given the channels removed from the planned layers.

    Attributes:
        trial: The cell.
        dense: The dense model's parameters and statistics, float64.
        gone: The channel groups that are removed.
        kept: By layer name, the channels that remain.
    """

    trial: Trial
    dense: dict[str, Reals]
    gone: frozenset[int]
    kept: dict[str, KeptChannels]

    @classmethod
    def of(cls, trial: Trial, model: nn.Module) -> ExpectedPruning:
        """Derive the expectation from the channels that the planned layers of `model` have lost.

        Raises:
            Violation: A parameter is missing (`tensor-missing`).
        """
        network, dense = trial.network, read_tensors(trial.dense_model())
        marked, gone = channels.channel_groups(network), set[int]()
        for name, mask in remaining_masks(model, network, dense).items():
            left = mask.reshape(len(mask), -1)[:, 0]
            gone |= set(marked[name.rpartition(".")[0]][~left].tolist())
        return cls(trial, dense, frozenset(gone), channels.kept_channels(network, gone))

    @property
    def remaining(self) -> dict[str, Reals]:
        """Return the dense model's parameters and statistics, without the removed channels."""
        return channels.slice_parameters(self.dense, self.kept)

    def plain(self) -> nn.Module:
        """Return a model built with the remaining channels, in train mode."""
        trial, network = self.trial, channels.shrink_network(self.trial.network, self.kept)
        model = models.build(network, trial.cell.requirement, trial.dtype, trial.device)
        state = {name: torch.tensor(values) for name, values in self.remaining.items()}
        model.load_state_dict(model.state_dict() | state)
        return model

    def output(self, inputs: Tensor) -> Reals:
        """Return the oracle's output of the dense model in evaluation, with the removed channels set to zero."""
        return channels.output_with_zeroed_channels(self.trial.network, self.dense, self.gone, array(inputs))

    @property
    def baseline(self) -> Baseline:
        """Return a baseline without masks."""
        outputs = {batch: self.output(self.trial.inputs("fresh", batch)) for batch in BATCHES}
        return Baseline(self.trial, {}, self.remaining, outputs)

    # ----------------------------------------------------------------- assertions

    def assert_dependents(self, model: nn.Module) -> None:
        """Assert that every layer has lost the channels that depend on the removed ones, and no others.

        Raises:
            Violation: Other channels remain (`channels-differ`), or a parameter is missing (`tensor-missing`).
        """
        for layer in self.trial.network.layers:
            if layer.name in self.kept:
                self._assert_channels(layer, read_tensor(model, f"{layer.name}.weight"))

    def _assert_channels(self, layer: Layer, seen: Reals) -> None:
        dense, kept = self.dense[f"{layer.name}.weight"], self.kept[layer.name]
        as_rows = (dense, seen) if dense.ndim > 1 else (dense.reshape(len(dense), -1), seen.reshape(len(seen), -1))
        found = channels.match_channels(*as_rows)
        _assert_same_channels(found.outputs, kept.outputs, layer.name, "output")
        if dense.ndim > 1 and dense.shape[1] == len(kept.inputs):
            _assert_same_channels(found.inputs, kept.inputs, layer.name, "input")

    def assert_entries(self, model: nn.Module, what: str) -> None:
        """Assert that all parameters and statistics are the remaining ones of the dense model, in their order.

        Raises:
            Violation: An entry is different (`entry-differs`), or a parameter is missing (`tensor-missing`).
        """
        for name, values in self.remaining.items():
            compare.assert_equal(read_tensor(model, name), values, "entry-differs", f"{what}: {name}")

    def assert_output(self, model: Callable[[Tensor], Tensor], what: str) -> None:
        """Assert that the output in evaluation is the dense model's with the removed channels set to zero.

        Raises:
            Violation: The output is different (`output-differs`).
        """
        if isinstance(model, nn.Module):
            model.eval()
        self.baseline.assert_output(model, what)

    def assert_matches(self, model: nn.Module, what: str) -> None:
        """Assert that entries and output are right.

        Raises:
            Violation: As `assert_entries` and `assert_output` do.
        """
        self.assert_entries(model, what)
        self.assert_output(model, what)

    def assert_cost(self, model: nn.Module) -> None:
        """Assert that the model has the parameters and multiply-adds of one built with the remaining channels.

        Raises:
            Violation: A number is different (`cost-differs`).
        """
        inputs = self.trial.inputs("counted", 1)
        for seen, expected, what in zip(
            cost(model, inputs), cost(self.plain(), inputs), ("parameters", "multiply-adds"), strict=True
        ):
            message = f"{seen} {what}, expected {expected}, the number in a model built with the remaining channels"
            require(seen == expected, "cost-differs", message)

    def assert_training(self, sparsified: Sparsified) -> None:
        """Assert that training changes the model as it changes one built with the remaining channels.

        Raises:
            Violation: A parameter is different (`step-differs`) or missing (`tensor-missing`), or training changes
                nothing (`weight-not-moved`).
        """
        plain = self.plain()
        train_plain(self.trial, plain)
        sparsified.model.train()
        train(self.trial, sparsified)
        for name, values in read_tensors(plain).items():
            seen, bound = read_tensor(sparsified.model, name), self.trial.tolerance
            compare.assert_close(seen, values, bound, "step-differs", f"after training: {name}")


RemovedShares = dict[tuple[str, ...], tuple[int, int]]
"""By the names of the planned weights that are counted together, the numbers of removed and of all output channels."""


def removed_shares(trial: Trial, sparsified: Sparsified) -> RemovedShares:
    """Return the share removed from each planned weight, or from all together if the plan ranks them so.

    Raises:
        Violation: A parameter is missing (`tensor-missing`).
    """
    dense = trial.dense_parameters()
    gone = {name: len(dense[name]) - len(read_tensor(sparsified.model, name)) for name in trial.plan.names}
    return {
        group: (sum(gone[name] for name in group), sum(len(dense[name]) for name in group))
        for group in _together(trial)
    }


def assert_shares(
    trial: Trial, sparsified: Sparsified, what: str, level: float | None = None, before: RemovedShares | None = None
) -> None:
    """Assert that each planned weight has lost the number of output channels that the level demands.

    Args:
        trial: The cell.
        sparsified: The sparsifier at work on the model.
        what: The subject of the message.
        level: The level of the last update, if it is not the plan's.
        before: The shares before the last update, if it was not the first.

    Raises:
        Violation: A number is different (`share-differs`), or a parameter is missing (`tensor-missing`).
    """
    plan = trial.plan if level is None else trial.plan.at_level(level)
    contract = msgspec.structs.replace(trial.contract, regrowth="monotone")
    for names, (gone, count) in removed_shares(trial, sparsified).items():
        pattern = plan.patterns[names[0]]
        assert isinstance(pattern, Channel)
        expected = total_removed(pattern.level, count, contract, before[names][0] if before else 0)
        message = f"{what}: {gone} of {count} output channels of {' and '.join(names)} are removed, expected {expected}"
        require(gone == expected, "share-differs", message)


def assert_highest_kept(trial: Trial, sparsified: Sparsified) -> None:
    """Assert that no removed output channel scores above a remaining one that is ranked with it.

    Raises:
        Violation: One does (`kept-differs`), or a parameter is missing (`tensor-missing`).
    """
    masks, dense = trial.masks(sparsified), trial.dense_parameters()
    for names in _together(trial):
        cut = _channels([dense[name] for name in names])
        mask, weight = (np.concatenate([every[name].ravel() for name in names]) for every in (masks, dense))
        what = f"the update of {' and '.join(names)}"
        ranking.assert_highest_kept(mask, weight, cut, trial.contract, trial.cell.dtype, what)


def _together(trial: Trial) -> list[tuple[str, ...]]:
    """Return the names of the planned weights, grouped by ranking."""
    names = trial.plan.names
    return [names] if trial.plan.scope == "all" else [(name,) for name in names]


def _channels(weights: list[Reals]) -> Units:
    """Return the output channels of `weights`, concatenated, as units of one ranking."""
    sizes = [weight[0].size for weight in weights for _ in weight]
    return Units(np.repeat(np.arange(len(sizes)), sizes), np.zeros(len(sizes), dtype=np.int64), (0,))


def cost(model: nn.Module, inputs: Tensor) -> tuple[int, int]:
    """Return the number of parameters, and the multiply-adds of one forward by torch.utils.flop_counter."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model.eval()(inputs)
    return sum(one.numel() for one in model.parameters()), counter.get_total_flops() // 2


def _assert_same_channels(found: Groups, kept: Mask, layer: str, side: str) -> None:
    note(f"{side} channels of {layer}.weight")
    seen, expected = sorted(found.tolist()), np.flatnonzero(kept).tolist()
    if seen == expected:
        return
    more, fewer = set(seen) - set(expected), set(expected) - set(seen)
    parts = [f"{_listed(more)} kept, but must be removed"] * bool(more)
    parts += [f"{_listed(fewer)} removed, but must be kept"] * bool(fewer)
    parts = parts or [f"{len(seen)} found, expected {len(expected)}"]
    raise Violation("channels-differ", f"{layer}, {len(kept)} {side} channels: {'; '.join(parts)}")


def _listed(channels: set[int]) -> str:
    return ", ".join(str(channel) if channel >= 0 else "an unknown one" for channel in sorted(channels))
