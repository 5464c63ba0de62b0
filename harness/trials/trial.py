"""A trial: one cell made concrete in torch, with the oracle next to it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..adapter.declaring import read_declaration
from ..adapter.protocol import Adapter, Batch, Context, Saved, Sparsified
from ..catalogue import requirement
from ..catalogue.axes import lacking, stand_ins
from ..oracle import compare, references
from ..oracle.forward import forward
from ..oracle.networks import network
from ..oracle.plans import mix_patterns, plan_for
from ..oracle.ranking import assert_count, assert_highest_kept, expected_units, rankings
from ..oracle.tolerance import Tolerance, tolerance
from ..oracle.units import Mask, Reals, fixed_mask, masked
from ..process.guard import Guard
from ..values.capability import Support
from ..values.cell import Cell
from ..values.comparisons import not_counting
from ..values.contract import Contract
from ..values.declaration import Declaration
from ..values.network import Network
from ..values.pattern import Band, Given, Pattern
from ..values.plan import Plan, Scope
from ..values.record import Accuracy
from ..values.violation import presume, require
from . import models, places, type_checks, used_weights
from .lending import Lent
from .modules import dense_weights
from .pruned_model import remaining_masks


class Trial:
    """One cell of one sparsifier; the argument of every case.

    Attributes:
        cell: The cell.
        adapter: The adapter of the sparsifier.
        declaration: The adapter's declaration, as it was read when the adapter was loaded.
        requirement: The requirement that the cell belongs to.
        network: The architecture of the model; its sizes differ from requirement to requirement.
        plan: The plan for that network.
        dtype: The dtype of the model.
        device: The device of the model.
        lent: The plans and contexts that were handed to the adapter.
        guard: The guard of the process-wide state.
        covers: For a program, the pairs that it adds to the coverage, and all that are possible.
        accuracy: For a network that was trained on real data, its accuracy; no verdict depends on it.

    Args:
        cell: The cell.
        adapter: The adapter of the sparsifier. It is asked for nothing that the case is judged by.
        declaration: The adapter's declaration; by default it is read now.
    """

    def __init__(self, cell: Cell, adapter: Adapter, declaration: Declaration | None = None) -> None:
        self.cell = cell
        self.adapter = adapter
        self.declaration = declaration or read_declaration(adapter, cell.sparsifier)
        self.requirement = requirement(cell.requirement)
        layer, pattern, dtype = stand_ins(cell)
        self.network = network(layer, cell.requirement, self.contract.multiple)
        scope: Scope = "all" if "scope_all" in self.requirement.needs else "each"
        plan = plan_for(self.network, pattern, cell.requirement, scope)
        self.plan = mix_patterns(plan) if "per_parameter" in self.requirement.needs else plan
        self.dtype: torch.dtype = getattr(torch, dtype)
        self.device = torch.device(cell.device)
        self.lent: list[Lent] = []
        self.guard = Guard(draws=self.contract.score == "random")
        self.covers = (0, 0)
        self.accuracy: Accuracy | None = None
        self._context: Context | None = None

    def with_network(self, network: Network, salt: str) -> Trial:
        """Return the same trial on another network, with a plan drawn from `salt`."""
        other = copy.copy(self)
        other.network = network
        other.plan = plan_for(network, self.cell.pattern, salt, self.plan.scope)
        return other

    @property
    def contract(self) -> Contract:
        return self.declaration.contract

    def supports(self, capability: str) -> bool:
        """Return whether the adapter declares a capability as supported."""
        return self.declaration.capabilities.support(capability) is Support.SUPPORTED

    @property
    def lacking(self) -> tuple[str, ...]:
        """Return the unsupported capabilities that the cell needs; only cells of REFUSE need any."""
        return lacking(self.requirement, self.cell, self.declaration.capabilities)

    @property
    def tolerance(self) -> Tolerance:
        """Return the tolerance for outputs of this cell."""
        return tolerance(self.device.type, self.cell.dtype)

    # ------------------------------------------------------------- models and inputs

    def dense_model(self, variant: str = "") -> nn.Module:
        """Return a fresh dense model; models of one `variant` have equal weights."""
        return models.build(self.network, self._salt(variant), self.dtype, self.device)

    def dense_parameters(self) -> Mapping[str, Reals]:
        """Return all parameters of the dense model, float64 and read-only."""
        return models.built_with(self.network, self._salt(""), self.dtype, self.device)

    def _salt(self, variant: str) -> str:
        return f"{self.cell.requirement} {variant}"

    def plain_model(self, parameters: Mapping[str, Reals]) -> nn.Module:
        """Return a dense model with exactly these parameters."""
        model = self.dense_model()
        with torch.no_grad():
            for name, parameter in model.named_parameters(remove_duplicate=False):
                parameter.copy_(torch.tensor(parameters[name]))
        return model

    def inputs(self, variant: str = "", batch: int = 3) -> Tensor:
        """Return a batch of inputs; batches of one `variant` are equal."""
        return models.inputs(self.network, self._salt(variant), batch, self.dtype, self.device)

    def batches(self, count: int, variant: str = "") -> list[Batch]:
        """Return batches (inputs, target) for training; targets have the shape of the output."""
        made = models.batches(self.network, self.cell.requirement, variant, count, self.dtype, self.device)
        return [(data.clone(), target.clone()) for data, target in made]

    def with_context(self, context: Context) -> Trial:
        """Return the same trial, which hands the adapter the context of another model."""
        other = copy.copy(self)
        other.lent, other._context = [], context
        return other

    @property
    def context(self) -> Context:
        if self._context is not None:
            return self._context
        return Context(self.inputs("example"), tuple(self.batches(2, "calibration")), self.device, self.dtype)

    def _lend(self, call: str, plan: Plan | None) -> Lent:
        own = plan or self.plan
        self.lent.append(Lent(call, own.copy(), self.context, own))
        return self.lent[-1]

    def attach(self, model: nn.Module | None = None, plan: Plan | None = None) -> Sparsified:
        """Call the adapter's attach with a copy of the plan, on a fresh dense model unless one is given."""
        model, lent = model or self.dense_model(), self._lend("attach", plan)
        with self.guard.contain():
            attached = self.adapter.attach(model, lent.plan, lent.context)
        return type_checks.checked_sparsified(attached, "attach", self.guard)

    def sparsified(self, model: nn.Module | None = None, plan: Plan | None = None) -> Sparsified:
        """Attach and update once, and assert that the plan was applied.

        Raises:
            Violation: Forward uses a planned weight unchanged (`plan-not-applied`).
        """
        dense = self.dense_parameters() if model is None else self.parameters(model)
        sparsified = self.attach(model, plan)
        sparsified.update()
        with not_counting():
            self.assert_plan_applied(sparsified, dense, plan)
        return sparsified

    def assert_plan_applied(self, sparsified: Sparsified, dense: Mapping[str, Reals], plan: Plan | None = None) -> None:
        """Assert that every planned weight has removed entries, and that forward does not use the weight in `dense`.

        Where channels are removed, each weight must have fewer of them. No forward is run then, since it would change
        the statistics of a norm.

        Raises:
            Violation: A planned weight is unchanged (`plan-not-applied`).
        """
        masks, planned = self.masks(sparsified), (plan or self.plan).patterns.items()
        touched = [name for name, pattern in planned if removes(pattern, dense[name].shape)]
        for name in touched:
            is_sparse = name in masks and not masks[name].all()
            require(is_sparse, "plan-not-applied", f"{name} is planned, but its mask keeps all")
        if self.declaration.profile == "structural":
            return
        used = self.used_weights(sparsified.model)
        for name in touched:
            is_dense = np.array_equal(compare.array(used[name]), dense[name])
            message = f"{name} is planned, but forward uses the dense weight unchanged"
            require(not is_dense, "plan-not-applied", message)

    def restore(self, saved: Saved, model: nn.Module | None = None, plan: Plan | None = None) -> Sparsified:
        """Call the adapter's restore, on a dense model with other weights unless one is given.

        An update follows if the contract declares that masks are stored nowhere and are created by an update.
        """
        restored = self.restore_without_update(saved, model, plan)
        if self.contract.mask_storage == "nowhere" and self.contract.masks_at == "update":
            restored.update()
        return restored

    def restore_without_update(
        self, saved: Saved, model: nn.Module | None = None, plan: Plan | None = None
    ) -> Sparsified:
        """Call the adapter's restore with a copy of the plan, without an update after it."""
        fresh, lent = model or self.dense_model("restored"), self._lend("restore", plan)
        with self.guard.contain():
            restored = self.adapter.restore(fresh, lent.plan, saved, lent.context)
        return type_checks.checked_sparsified(restored, "restore", self.guard)

    def update_again(self, sparsified: Sparsified) -> None:
        """Update once more if more than one update is supported."""
        if self.supports("reupdate"):
            sparsified.update()

    # -------------------------------------------------------------- observations

    def masks(self, sparsified: Sparsified) -> dict[str, Mask]:
        """Return the reported masks as NumPy booleans, True where kept.

        Where channels are removed, return which entries of the planned dense weights remain.

        Raises:
            Violation: A parameter of a pruned model is missing (`tensor-missing`).
        """
        if self.declaration.profile == "structural":
            return remaining_masks(sparsified.model, self.network, self.dense_parameters())
        return {name: compare.array(mask).astype(np.bool_) for name, mask in sparsified.masks().items()}

    def used_weights(self, model: nn.Module, inputs: Tensor | None = None) -> dict[str, Tensor]:
        """Return the weight with which each layer computes in forward, by name, planned or not.

        Raises:
            Violation: The model does not run the dense model's layers (`forward-differs`).
        """
        return used_weights.read_used_weights(model, self.network, self.inputs("probe") if inputs is None else inputs)

    def parameters(self, model: nn.Module) -> dict[str, Reals]:
        """Return all parameters of a dense model, float64, under every name that they have."""
        return models.parameters(model)

    def effective_parameters(self, model: nn.Module) -> dict[str, Reals]:
        """Return all parameters of a sparse model, float64, by the dense model's names.

        A weight is returned as forward uses it; other parameters as stored, or as in the dense model if there is none
        of that name.

        Raises:
            Violation: The model does not run the dense model's layers (`forward-differs`).
        """
        dense, own = self.dense_parameters(), self.parameters(model)
        used = {name: compare.array(weight).copy() for name, weight in self.used_weights(model).items()}
        return {name: used[name] if name in used else self._own(own, name, values) for name, values in dense.items()}

    def _own(self, own: Mapping[str, Reals], name: str, dense: Reals) -> Reals:
        found = places.by_dense_name(self.contract, own, name)
        return dense if found is None else found

    def dense_weights(
        self, sparsified: Sparsified, before: Mapping[str, nn.Parameter]
    ) -> dict[str, nn.Parameter]:
        """Return the planned parameters that training changes, from the place that the contract declares.

        Args:
            sparsified: The sparsifier at work on the model.
            before: The dense model's parameters, which are returned if the contract declares no place, unless attach
                returns a copy.

        Raises:
            Violation: A parameter is not in the declared place (`dense-weight-missing`).
        """
        if self.contract.attaches == "copy":
            before = places.parameters_in_order(self, sparsified.model)
        return dense_weights(sparsified.model, self.plan.names, self.contract.holds, before)

    def backward(self, model: nn.Module) -> None:
        """Compute the gradients of a loss that is the same for every model."""
        [(inputs, target)] = self.batches(1, "gradient")
        model.zero_grad()
        (model(inputs) * target).sum().backward()

    # ------------------------------------------------------------ expectations

    def expected_masks(self, sparsified: Sparsified) -> dict[str, Mask]:
        """Return the masks that the plan states, and the reported ones for other patterns, which area MASK judges."""
        expected = self.masks(sparsified) | self.planned_masks
        for name in self.plan.names:
            presume(name in expected, "mask-missing", f"{name} is planned, but masks() has no mask for it")
        return {name: expected[name] for name in self.plan.names}

    @property
    def planned_masks(self) -> dict[str, Mask]:
        """Return the masks that the plan states itself (given and band patterns)."""
        shapes = {layer.weight: layer.weight_shape for layer in self.network.weighted}
        fixed = {name: fixed_mask(pattern, shapes[name]) for name, pattern in self.plan.patterns.items()}
        return {name: mask for name, mask in fixed.items() if mask is not None}

    def masked(self, parameters: Mapping[str, Reals], masks: Mapping[str, Mask]) -> dict[str, Reals]:
        """Return the parameters with removed entries set to zero, also under the other names of tied weights."""
        sources = dict(self.network.tied)
        return {
            name: masked(values, masks[sources.get(name, name)])
            if sources.get(name, name) in masks else values
            for name, values in parameters.items()
        }

    def oracle_output(self, parameters: Mapping[str, Reals], inputs: Tensor) -> Reals:
        """Return the network's output in NumPy float64."""
        return forward(self.network, parameters, compare.array(inputs))

    @property
    def reference(self) -> references.Reference:
        """Return the stored reference for this cell's network.

        Raises:
            InvalidReference: The reference must not be used.
        """
        return references.load(self.cell.layer)

    # ----------------------------------------------------------------- assertions

    def assert_output(
        self, model: Callable[[Tensor], Tensor], parameters: Mapping[str, Reals], inputs: Tensor, what: str
    ) -> None:
        """Assert that the output for `inputs` is the oracle's for `parameters`, within tolerance.

        Raises:
            Violation: It is different (`output-differs`).
        """
        with torch.no_grad():
            seen = model(inputs.clone())
        compare.assert_close(seen, self.oracle_output(parameters, inputs), self.tolerance, "output-differs", what)

    def assert_used_weights(self, model: nn.Module, parameters: Mapping[str, Reals], what: str) -> None:
        """Assert that forward computes with exactly `parameters`.

        Raises:
            Violation: A weight is different (`weight-differs`).
        """
        for name, used in self.used_weights(model).items():
            compare.assert_equal(used, parameters[name], "weight-differs", f"{what}: {name} as used in forward")

    def assert_masks(self, seen: Sparsified, expected: Mapping[str, NDArray[np.bool_]], what: str) -> None:
        """Assert that the reported masks are those expected.

        Raises:
            Violation: A mask is different (`mask-differs`) or missing (`mask-missing`).
        """
        masks, order = self.masks(seen), dict(zip(self.plan.names, range(len(self.plan.names)), strict=True))
        for name in sorted(expected, key=lambda name: order.get(name, len(order))):
            presume(name in masks, "mask-missing", f"{what}: masks() has no mask for {name}")
            compare.assert_equal(masks[name], expected[name], "mask-differs", f"{what}: mask of {name}")

    def assert_counts(
        self, sparsified: Sparsified, level: float | None = None, before: Mapping[str, Mask] | None = None
    ) -> None:
        """Assert that exactly the required number of units is removed, each as a whole.

        Args:
            sparsified: The sparsifier at work on the model.
            level: The level of the last update, if it is not the plan's.
            before: The masks before the last update, if it was not the first.

        Raises:
            Violation: The number is different (`count-differs`), a unit is kept in part (`unit-broken`), or a mask is
                missing (`mask-missing`).
        """
        plan = self.plan if level is None else self.plan.at_level(level)
        weights = self.dense_parameters()
        earlier = None if before is None else list(rankings(plan, before, weights))
        for position, one in enumerate(rankings(plan, self.masks(sparsified), weights)):
            cut = expected_units(one, self.contract, None if earlier is None else earlier[position].mask)
            assert_count(one.mask, cut, one.description)

    def assert_highest_kept(self, sparsified: Sparsified, dense: Mapping[str, Reals]) -> None:
        """Assert that no removed unit scores above a kept one, by the declared score of the weights in `dense`.

        Raises:
            Violation: One does (`kept-differs`), a unit is kept in part (`unit-broken`), or a mask is missing
                (`mask-missing`).
        """
        for one in rankings(self.plan, self.masks(sparsified), dense):
            cut = expected_units(one, self.contract)
            assert_highest_kept(one.mask, one.weight, cut, self.contract, self.cell.dtype, one.description)


def removes(pattern: Pattern, shape: tuple[int, ...]) -> bool:
    """Return whether a pattern removes anything from a weight of `shape`."""
    if isinstance(pattern, (Given, Band)):
        mask = fixed_mask(pattern, shape)
        return mask is not None and not bool(mask.all())
    return bool(getattr(pattern, "level", 1.0) > 0)
