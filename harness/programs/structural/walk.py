"""Run a program of the structural profile against a sparsifier, with a twin that loses the same channels beside it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ...adapter.protocol import Batch, Context
from ...oracle import compare
from ...oracle.tolerance import Tolerance
from ...oracle.units import Mask
from ...trials.modules import assert_same_modules, describe_modules
from ...values.pattern import Channel, Pattern
from ...values.plan import Plan
from ...values.program import Dtype
from ...values.structural_program import GraphLayer, StructuralProgram
from ...values.violation import Violation, require
from .. import sparsifier_steps, statements, user_steps
from ..places import find_module, find_parameter
from ..running import Run
from ..taking import Skipped
from ..weights import distinct
from . import network
from .ranking import assert_removed, emptied, rankings
from .remaining import remaining_outputs
from .twin import SlicedTwin

STEPS = (sparsifier_steps, user_steps)
"""The modules that register the steps, which are those of the mask profile."""

_TIES = ("few", "equal", "zeros")
"""Kinds of values of which scores tie, and sums are exact in every order."""


MOST_AMPLIFIED = 20.0
"""How many times as wide the tolerance for gradients behind batch norms is at most."""


class StructuralWalk(Run):
    """One run of a program of the structural profile."""

    program: StructuralProgram
    twin: SlicedTwin

    def made_plan(self) -> Plan:
        return network.plan(self.program)

    def built(self, salt: str) -> nn.Module:
        return network.build(self.program, salt, self.device)

    def made_twin(self) -> SlicedTwin:
        return SlicedTwin(copy.deepcopy(self.model), network.network(self.program))

    def inputs(self, salt: str = "probe", batch: int = 3) -> Tensor:
        return network.inputs(self.program, salt, batch, self.dtype, self.device)

    def batches(self, count: int, salt: str) -> list[Batch]:
        return network.batches(self.program, count, salt, self.dtype, self.device)

    def layer_inputs(self, name: str) -> Tensor:
        layer = next(one for one in self.program.layers if one.name == name)
        channels = int(self.twin.kept[name].inputs.sum())
        return network.layer_inputs(layer, channels, self.dtype, self.device)

    def context(self) -> Context:
        return network.context(self.program, self.dtype, self.device)

    def place(self, name: str) -> nn.Parameter | None:
        return find_parameter(self.model, name)

    def new_values(self, name: str) -> Tensor:
        """Return other values for the channels that remain; no two rows are equal."""
        dtype = cast(Dtype, str(self.dtype).removeprefix("torch."))
        drawn = distinct(f"written {self.updates} {name}", self.program.shapes[name], dtype)
        rows, columns = self.twin.places(name)
        values = drawn[rows][:, columns] if drawn.shape[1] == len(columns) else drawn[rows]
        return torch.tensor(values, dtype=self.dtype, device=self.device)

    def layers(self) -> Iterator[tuple[GraphLayer, nn.Module, nn.Module]]:
        for layer in self.program.layers:
            is_planned = any(f"{layer.name}.{name}" in self.plan.patterns for name in layer.shapes)
            if is_planned and (module := find_module(self.model, layer.name)):
                yield layer, module, self.twin.model.get_submodule(layer.name)

    def gradient_bound(self) -> Tolerance:
        """Return the tolerance for gradients; wider behind a batch norm in train mode, as far as it amplifies rounding.

        A channel that hardly varies makes that bound large, although the other channels do not get its error.
        """
        one, wider = super().gradient_bound(), min(MOST_AMPLIFIED, self.twin.amplified)
        return Tolerance(one.relative * wider, one.absolute * wider)

    def gradient_scale(self) -> Iterator[Tensor]:
        """Yield weights, and gradients, whose sums a batch norm cancels to rounding alone."""
        for parameter in self.twin.model.parameters():
            yield parameter
            if parameter.grad is not None:
                yield parameter.grad

    @property
    def restores(self) -> bool:
        return self.supports("restore") and self.contract.mask_storage != "nowhere"

    # ------------------------------------------------------------- refusals

    def impossible(self) -> tuple[str, str] | None:
        for name, pattern in self.plan.patterns.items():
            if (capability := _capability(pattern)) and not self.supports(capability):
                return name, f"{capability} of {name} is planned and declared unsupported"
        missing = [name for name in self.plan.names if name not in self.program.shapes]
        return (missing[0], f"the model has no parameter {missing[0]}") if missing else None

    def assert_untouched(self) -> None:
        self.assert_state()

    def check_possible(self, plan: Plan) -> None:
        for one in rankings(plan, self.twin.scored(), self.twin.reported()):
            if size := self.twin.unequal(one.names, one.units(self.contract).removed[0]):
                raise Skipped(f"it would remove a part of {size} channels of {one.names[0]} that go together")
            if name := emptied(one, self.contract, is_ranked=self._is_ranked(one.names)):
                raise Skipped(f"it would leave no channel of {name}")

    # ------------------------------------------------------------- updates

    def judge_update(self, plan: Plan, before: dict[str, Mask] | None) -> None:
        self._assert_no_masks()
        remaining, dense, before = remaining_outputs(self.model, self.twin), self.twin.scored(), self.twin.reported()
        kept = remaining.kept
        for name, left in kept.items():
            self.twin.assert_together(name, left)
        gone = {int(group) for name, left in kept.items() for group in self.twin.groups[_layer(name)][~left]}
        late = {name: self.twin.without_inputs(name, one, gone) for name, one in dense.items()}
        for one, other in zip(rankings(plan, dense, before), rankings(plan, late, before), strict=True):
            is_ranked = self._is_ranked(one.names) and remaining.unknown.isdisjoint(one.names)
            left = np.concatenate([kept[name] for name in one.names])
            dtype = str(self.dtype).removeprefix("torch.")
            assert_removed(
                one, other, left, self.contract, dtype, is_ranked=is_ranked, has_exact_ties=self._has_exact_ties
            )
            if not is_ranked:
                self.adopted.add(f"the choice among the output channels of {' and '.join(one.names)}")
        self._follow(kept, gone)

    def _follow(self, kept: dict[str, Mask], gone: set[int]) -> None:
        """Remove from the twin what the sparsifier has removed from the planned layers."""
        if empty := [name for name, left in kept.items() if not left.any()]:
            self.skipped.append(f"all after an update that leaves no channel of {empty[0]}")
            self.finished = True
            return
        self.twin.remove(gone)
        self.forget_optimizer()
        self.expected = None
        self._assert_shapes()
        self._assert_entries()

    def _assert_no_masks(self) -> None:
        masks = self.call(self.attached.masks, "masks()")
        message = f"masks() returns {', '.join(map(str, masks))}, expected an empty dict, since no weight is masked"
        require(not masks, "protocol-broken", message)

    def _is_ranked(self, names: tuple[str, ...]) -> bool:
        """Return whether the declared score decides: not where other layers lose the same channels."""
        return self.contract.ranks_by_magnitude and not self.twin.coupled & {*names}

    @property
    def _has_exact_ties(self) -> bool:
        return self.exact and self.program.values in _TIES and self.dtype in (torch.float32, torch.float64)

    # ------------------------------------------------------------- statements

    def assert_state(self) -> None:
        self._assert_names()
        self._assert_shapes()
        statements.assert_state(self, self.looks)

    def _assert_names(self) -> None:
        """Assert that the model has the dense model's parameters, and no others that cost something."""
        own = {name for name, _ in self.twin.model.named_parameters()}
        missing = sorted(name for name in own if find_parameter(self.model, name) is None)
        require(not missing, "tensor-missing", f"the model has no parameter {', '.join(missing)}")
        seen, expected = (sum(one.numel() for one in model.parameters()) for model in (self.model, self.twin.model))
        if seen == expected or self._has_other_shapes():
            return
        more = sorted({name for name, _ in self.model.named_parameters()} - own)
        message = f"the model has {seen} parameters, expected {expected}; new are {', '.join(more) or 'none'}"
        raise Violation("cost-differs", message)

    def _has_other_shapes(self) -> bool:
        return any(place.shape != expected.shape for name, expected in self.twin.model.named_parameters()
                   if (place := find_parameter(self.model, name)) is not None)

    def _assert_shapes(self) -> None:
        """Assert that each layer has lost the channels that depend on the removed ones, and no others."""
        for name, expected in self.twin.model.named_parameters():
            place = find_parameter(self.model, name)
            seen = None if place is None else tuple(place.shape)
            message = f"{name} has shape {seen}, expected {tuple(expected.shape)}, the channels that remain"
            require(seen == tuple(expected.shape), "channels-differ", message)

    def _assert_entries(self) -> None:
        """Assert that what an update leaves of every parameter is unchanged, and in its order.

        Running statistics are compared within rounding, since forwards in train mode move them.
        """
        for name, expected in self.twin.model.named_parameters():
            if (seen := find_parameter(self.model, name)) is not None:
                compare.assert_equal(seen, expected, "entry-differs", f"after the update: {name}")

    def assert_restored(self, donor: nn.Module) -> None:
        """Assert that the restored model shares nothing with the one that was saved, and spoil that one."""
        own, other = ({name: one.detach() for name, one in model.named_parameters()} for model in (self.model, donor))
        compare.assert_no_shared_storage(own, other, "restored model and original")
        self._assert_names()
        with torch.no_grad():
            for parameter in donor.parameters():
                parameter.fill_(7.0)

    def assert_plain(self) -> None:
        if not self.twin_hooks:
            seen, expected = describe_modules(self.model), describe_modules(self.twin.model)
            assert_same_modules(seen, expected, "not-plain", "after finalize")


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _capability(pattern: Pattern) -> str:
    """Return the capability of a pattern that removes something other than output channels."""
    if isinstance(pattern, Channel):
        return "input_channel" if pattern.dim else ""
    return "unstructured"
