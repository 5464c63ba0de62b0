"""What a sparsifier that removes channels has left of a dense model, read from the shapes and entries of what it hands
back, and what should be left by what depends on what."""

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
from ..trials import models
from ..trials.baseline import BATCHES, Baseline
from ..trials.pruned_model import read_tensor, read_tensors, remaining_masks
from ..trials.training import train, train_plain
from ..values.network import Layer
from ..values.pattern import Channel
from ..values.violation import Violation, require

if TYPE_CHECKING:
    from ..adapter.protocol import Sparsified
    from ..trials.trial import Trial


@dataclass(frozen=True)
class ExpectedPruning:
    """What should be left of the dense model, given which channels of the planned layers are gone.

    dense: its parameters and statistics. gone: the labels of the channels that are. kept: by layer.
    """

    trial: Trial
    dense: dict[str, Reals]
    gone: frozenset[int]
    kept: dict[str, KeptChannels]

    @classmethod
    def of(cls, trial: Trial, model: nn.Module) -> ExpectedPruning:
        """By what is gone of the planned layers in `model`.

        Raises:
            Violation: `tensor-missing`.
        """
        network, dense = trial.network, read_tensors(trial.dense_model())
        marked, gone = channels.channel_groups(network), set[int]()
        for name, mask in remaining_masks(model, network, dense).items():
            left = mask.reshape(len(mask), -1)[:, 0]
            gone |= set(marked[name.rpartition(".")[0]][~left].tolist())
        return cls(trial, dense, frozenset(gone), channels.kept_channels(network, gone))

    @property
    def left(self) -> dict[str, Reals]:
        """The dense model's parameters and statistics, without the channels that are gone."""
        return channels.slice_parameters(self.trial.network, self.dense, self.kept)

    def plain(self) -> nn.Module:
        """A model built with that many channels, in train mode."""
        trial, network = self.trial, channels.shrink_network(self.trial.network, self.kept)
        model = models.build(network, trial.cell.requirement, trial.dtype, trial.device)
        state = {name: torch.tensor(values) for name, values in self.left.items()}
        model.load_state_dict(model.state_dict() | state)
        return model

    def output(self, inputs: Tensor) -> Reals:
        """Of the dense model in evaluation, with those channels zero; by the oracle."""
        return channels.output_with_zeroed_channels(self.trial.network, self.dense, self.gone, array(inputs))

    @property
    def baseline(self) -> Baseline:
        """It as a baseline that reports no masks."""
        outputs = {batch: self.output(self.trial.inputs("fresh", batch)) for batch in BATCHES}
        return Baseline(self.trial, {}, self.left, outputs)

    # ----------------------------------------------------------------- judging

    def assert_dependents(self, model: nn.Module) -> None:
        """Every layer has lost what depends on what is gone of the planned ones, and nothing else.

        Raises:
            Violation: `channels-differ` or `tensor-missing`.
        """
        for layer in self.trial.network.layers:
            if layer.name in self.kept:
                self._judge_channels(layer, read_tensor(model, f"{layer.name}.weight"))

    def _judge_channels(self, layer: Layer, seen: Reals) -> None:
        dense, kept = self.dense[f"{layer.name}.weight"], self.kept[layer.name]
        as_rows = (dense, seen) if dense.ndim > 1 else (dense.reshape(len(dense), -1), seen.reshape(len(seen), -1))
        found = channels.match_channels(*as_rows)
        _same_channels(found.outputs, kept.outputs, f"{layer.name}: its output channels")
        if dense.ndim > 1 and dense.shape[1] == len(kept.inputs):
            _same_channels(found.inputs, kept.inputs, f"{layer.name}: the channels it takes")

    def assert_entries(self, model: nn.Module, what: str) -> None:
        """All parameters and statistics are those that are left of the dense model's, in their order.

        Raises:
            Violation: `entry-differs` or `tensor-missing`.
        """
        for name, values in self.left.items():
            compare.assert_equal(read_tensor(model, name), values, "entry-differs", f"{what}: {name}")

    def assert_output(self, model: Callable[[Tensor], Tensor], what: str) -> None:
        """In evaluation, the output is the dense model's with those channels zero.

        Raises:
            Violation: `output-differs`.
        """
        if isinstance(model, nn.Module):
            model.eval()
        self.baseline.assert_output(model, what)

    def assert_matches(self, model: nn.Module, what: str) -> None:
        """Raises:
        Violation: one of those of `assert_entries` and `judge_output`.
        """
        self.assert_entries(model, what)
        self.assert_output(model, what)

    def assert_cost(self, model: nn.Module) -> None:
        """It has no more parameters, and makes no more multiplications, than a model built with so many channels.

        Raises:
            Violation: `cost-differs`.
        """
        inputs = self.trial.inputs("counted", 1)
        for seen, expected, what in zip(
            cost(model, inputs), cost(self.plain(), inputs), ("parameters", "multiply-adds"), strict=True
        ):
            message = f"{seen} {what}, expected {expected}, as in a model built with the channels that are left"
            require(seen == expected, "cost-differs", message)

    def assert_training(self, sparsified: Sparsified) -> None:
        """After the lesson, in train mode, it stands where a model built with so many channels does.

        Raises:
            Violation: `step-differs`, `weight-not-moved` or `tensor-missing`.
        """
        plain = self.plain()
        train_plain(self.trial, plain)
        sparsified.model.train()
        train(self.trial, sparsified)
        for name, values in read_tensors(plain).items():
            seen, bound = read_tensor(sparsified.model, name), self.trial.tolerance
            compare.assert_close(seen, values, bound, "step-differs", f"after training: {name}")


RemovedShares = dict[tuple[str, ...], tuple[int, int]]
"""By names of the planned weights that are counted together: output channels that are gone, and all of them."""


def removed_shares(trial: Trial, sparsified: Sparsified) -> RemovedShares:
    """What is gone of each planned weight; of all together, where the plan ranks them so.

    Raises:
        Violation: `tensor-missing`.
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
    """Of each planned weight as many output channels are gone as the level asks for under the contract.

    level: of the last update, if not the plan's. before: what was gone before it, if it was not the first.

    Raises:
        Violation: `share-differs` or `tensor-missing`.
    """
    plan = trial.plan if level is None else trial.plan.at_level(level)
    contract = msgspec.structs.replace(trial.contract, regrowth="monotone")
    for names, (gone, count) in removed_shares(trial, sparsified).items():
        pattern = plan.patterns[names[0]]
        assert isinstance(pattern, Channel)
        expected = total_removed(pattern.level, count, contract, before[names][0] if before else 0)
        message = f"{what}: {gone} of {count} output channels of {' and '.join(names)} are gone, expected {expected}"
        require(gone == expected, "share-differs", message)


def assert_highest_kept(trial: Trial, sparsified: Sparsified) -> None:
    """No output channel that is gone scores above one that is left and is ranked with it, by the declared score of the
    dense weight.

    Raises:
        Violation: `kept-differs` or `tensor-missing`.
    """
    masks, dense = trial.masks(sparsified), trial.dense_parameters()
    for names in _together(trial):
        cut = _channels([dense[name] for name in names])
        mask, weight = (np.concatenate([every[name].ravel() for name in names]) for every in (masks, dense))
        what = f"the update of {' and '.join(names)}"
        ranking.assert_highest_kept(mask, weight, cut, trial.contract, trial.cell.dtype, what)


def _together(trial: Trial) -> list[tuple[str, ...]]:
    """The names of the planned weights whose channels are ranked together."""
    names = trial.plan.names
    return [names] if trial.plan.scope == "all" else [(name,) for name in names]


def _channels(weights: list[Reals]) -> Units:
    """The output channels of all `weights`, laid flat end to end, as units of one ranking."""
    sizes = [weight[0].size for weight in weights for _ in weight]
    return Units(np.repeat(np.arange(len(sizes)), sizes), np.zeros(len(sizes), dtype=np.int64), (0,))


def cost(model: nn.Module, inputs: Tensor) -> tuple[int, int]:
    """Parameters, and multiply-adds of one forward over `inputs`, by torch.utils.flop_counter."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model.eval()(inputs)
    return sum(one.numel() for one in model.parameters()), counter.get_total_flops() // 2


def _same_channels(found: Groups, kept: Mask, what: str) -> None:
    seen, expected = sorted(found.tolist()), np.flatnonzero(kept).tolist()
    if seen == expected:
        return
    more, fewer = set(seen) - set(expected), set(expected) - set(seen)
    told = [f"kept {_listed(more)}, which should be gone"] * bool(more)
    told += [f"lost {_listed(fewer)}, which should be left"] * bool(fewer)
    told = told or [f"are {len(seen)}, expected {len(expected)}"]
    raise Violation("channels-differ", f"{what}: {' and '.join(told)}, of {len(kept)}")


def _listed(channels: set[int]) -> str:
    return ", ".join(str(channel) if channel >= 0 else "one of no dense entry" for channel in sorted(channels))
