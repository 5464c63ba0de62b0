"""What a case is given: one cell made concrete, and the oracle beside it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..adapter.protocol import Adapter, Batch, Context, Saved, Sparsified
from ..catalogue import requirement
from ..oracle import compare, references
from ..oracle.forward import forward
from ..oracle.networks import network
from ..oracle.plans import mix_patterns, plan_for
from ..oracle.ranking import assert_count, assert_highest_kept, expected_units, rankings
from ..oracle.tolerance import Tolerance, tolerance
from ..oracle.units import Mask, Reals, fixed_mask, masked
from ..process.guard import Guard
from ..trials import models, used_weights
from ..trials import type_checks as answers
from ..trials.modules import dense_weights
from ..trials.pruned_model import remaining_masks
from ..values.capability import Support
from ..values.cell import Cell
from ..values.contract import Contract
from ..values.network import Network
from ..values.pattern import Band, Given, Pattern
from ..values.plan import Plan, Scope
from ..values.violation import require


class Trial:
    """One cell of one sparsifier.

    network: the model's architecture; plan: what is to be sparsified in it; both differ from
    requirement to requirement. contract: as declared. guard: of what is set for the whole process.
    """

    def __init__(self, cell: Cell, adapter: Adapter) -> None:
        self.cell = cell
        self.adapter = adapter
        self.requirement = requirement(cell.requirement)
        self.network = network(cell.layer, cell.requirement, adapter.contract.multiple)
        scope: Scope = "all" if "scope_all" in self.requirement.needs else "each"
        plan = plan_for(self.network, cell.pattern, cell.requirement, scope)
        self.plan = mix_patterns(plan) if "per_parameter" in self.requirement.needs else plan
        self.dtype: torch.dtype = getattr(torch, cell.dtype)
        self.device = torch.device(cell.device)
        self.guard = Guard(draws=adapter.contract.score == "random")

    def with_network(self, network: Network, salt: str) -> Trial:
        """The same on another network, with a plan for it that is drawn from `salt`."""
        other = copy.copy(self)
        other.network = network
        other.plan = plan_for(network, self.cell.pattern, salt, self.plan.scope)
        return other

    @property
    def contract(self) -> Contract:
        return self.adapter.contract

    def supports(self, capability: str) -> bool:
        """Whether the sparsifier declares that it has `capability`."""
        return self.adapter.declare("").capabilities.support(capability) is Support.SUPPORTED

    @property
    def tolerance(self) -> Tolerance:
        """The bounds for outputs of this cell."""
        return tolerance(self.device.type, self.cell.dtype)

    # ------------------------------------------------------------- the subject

    def dense_model(self, variant: str = "") -> nn.Module:
        """A fresh dense model; equal ones for equal `variant`, other weights for another."""
        return models.build(self.network, self._salt(variant), self.dtype, self.device)

    def dense_parameters(self) -> Mapping[str, Reals]:
        """All parameters of the dense model in float64, not to be written to."""
        return models.built_with(self.network, self._salt(""), self.dtype, self.device)

    def _salt(self, variant: str) -> str:
        return f"{self.cell.requirement} {variant}"

    def plain_model(self, parameters: Mapping[str, Reals]) -> nn.Module:
        """A dense model that holds exactly `parameters`."""
        model = self.dense_model()
        with torch.no_grad():
            for name, parameter in model.named_parameters(remove_duplicate=False):
                parameter.copy_(torch.tensor(parameters[name]))
        return model

    def inputs(self, variant: str = "", batch: int = 3) -> Tensor:
        """A batch of inputs; others for another `variant`."""
        return models.inputs(self.network, self._salt(variant), batch, self.dtype, self.device)

    def batches(self, count: int, variant: str = "") -> list[Batch]:
        """Batches of (inputs, target) for training, targets of the output's shape."""
        made = models.batches(self.network, self.cell.requirement, variant, count, self.dtype, self.device)
        return [(data.clone(), target.clone()) for data, target in made]

    @property
    def context(self) -> Context:
        return Context(self.inputs("example"), tuple(self.batches(2, "calibration")), self.device, self.dtype)

    def attach(self, model: nn.Module | None = None, plan: Plan | None = None) -> Sparsified:
        """The adapter's attach, on a fresh dense model unless one is given."""
        model, context = model or self.dense_model(), self.context
        with self.guard.contain():
            attached = self.adapter.attach(model, plan or self.plan, context)
        return answers.checked_sparsified(attached, "attach", self.guard)

    def sparsified(self, model: nn.Module | None = None, plan: Plan | None = None) -> Sparsified:
        """Attached and updated once, and proven to have taken hold.

        Raises:
            Violation: `plan-not-applied`, forward uses some planned weight unchanged.
        """
        dense = self.dense_parameters() if model is None else self.parameters(model)
        sparsified = self.attach(model, plan)
        sparsified.update()
        self.assert_plan_applied(sparsified, dense, plan)
        return sparsified

    def assert_plan_applied(self, sparsified: Sparsified, dense: Mapping[str, Reals], plan: Plan | None = None) -> None:
        """Each planned weight has a mask that removes something, and forward uses another weight than in `dense`; of
        one that removes channels, each has fewer, and no forward is run, which would move the statistics of a norm.

        Raises:
            Violation: `plan-not-applied`.
        """
        masks, planned = self.masks(sparsified), (plan or self.plan).patterns.items()
        touched = [name for name, pattern in planned if removes(pattern, dense[name].shape)]
        for name in touched:
            is_sparse = name in masks and not masks[name].all()
            require(is_sparse, "plan-not-applied", f"{name} is planned, but its mask keeps all")
        if self.adapter.profile == "structural":
            return
        used = self.used_weights(sparsified.model)
        for name in touched:
            is_dense = np.array_equal(compare.array(used[name]), dense[name])
            message = f"{name} is planned, but forward uses the dense weight unchanged"
            require(not is_dense, "plan-not-applied", message)

    def restore(self, saved: Saved, model: nn.Module | None = None, plan: Plan | None = None) -> Sparsified:
        """The adapter's restore onto a dense model of other weights, unless one is given; followed by
        an update where masks are declared to be stored nowhere and to come with the update."""
        restored = self.restore_without_update(saved, model, plan)
        if self.contract.mask_storage == "nowhere" and self.contract.masks_at == "update":
            restored.update()
        return restored

    def restore_without_update(
        self, saved: Saved, model: nn.Module | None = None, plan: Plan | None = None
    ) -> Sparsified:
        """What the adapter's restore alone gives, on a dense model of other weights unless one is given."""
        fresh, context = model or self.dense_model("restored"), self.context
        with self.guard.contain():
            restored = self.adapter.restore(fresh, plan or self.plan, saved, context)
        return answers.checked_sparsified(restored, "restore", self.guard)

    def update_again(self, sparsified: Sparsified) -> None:
        """Another update, where more than the first is offered."""
        if self.supports("reupdate"):
            sparsified.update()

    # -------------------------------------------------------------- what is so

    def masks(self, sparsified: Sparsified) -> dict[str, Mask]:
        """The masks that the sparsifier reports, as NumPy booleans; of one that removes channels, what is left of the
        planned weights, wherever it stood in the dense ones.

        Raises:
            Violation: `tensor-missing`, of one that removes channels.
        """
        if self.adapter.profile == "structural":
            return remaining_masks(sparsified.model, self.network, self.dense_parameters())
        return {name: compare.array(mask).astype(np.bool_) for name, mask in sparsified.masks().items()}

    def used_weights(self, model: nn.Module, inputs: Tensor | None = None) -> dict[str, Tensor]:
        """The weight each layer computes with in forward, by name, planned or not; gradients on or off as they are.

        Raises:
            Violation: `forward-differs`, the model does not run the dense model's layers.
        """
        return used_weights.read_used_weights(model, self.network, self.inputs("probe") if inputs is None else inputs)

    def parameters(self, model: nn.Module) -> dict[str, Reals]:
        """All parameters of a dense model in float64, under every name they have."""
        return models.parameters(model)

    def effective_parameters(self, model: nn.Module) -> dict[str, Reals]:
        """All parameters of a sparse model in float64, under the dense model's names: a weight as forward uses it, the
        rest as they are; as in the dense model where it has them under no such name.

        Raises:
            Violation: `forward-differs`.
        """
        dense, own = self.dense_parameters(), self.parameters(model)
        used = {name: compare.array(weight).copy() for name, weight in self.used_weights(model).items()}
        return {name: used[name] if name in used else own.get(name, values) for name, values in dense.items()}

    def dense_weights(
        self, sparsified: Sparsified, before: Mapping[str, nn.Parameter]
    ) -> dict[str, nn.Parameter]:
        """The planned parameters as training changes them, from where the contract says that they are; from
        `before`, the dense model's own, where it names no place.

        Raises:
            Violation: `dense-weight-missing`.
        """
        return dense_weights(sparsified.model, self.plan.names, self.contract.holds, before)

    def backward(self, model: nn.Module) -> None:
        """Leave in the parameters' `grad` the gradients of one loss, the same for every model."""
        [(inputs, target)] = self.batches(1, "gradient")
        model.zero_grad()
        (model(inputs) * target).sum().backward()

    # ------------------------------------------------------------ what is right

    def expected_masks(self, sparsified: Sparsified) -> dict[str, Mask]:
        """The oracle's masks where the plan names them; else those reported, which MASK judges on their own."""
        expected = self.masks(sparsified) | self.planned_masks
        for name in self.plan.names:
            require(name in expected, "mask-missing", f"{name} is planned, but masks() has no mask for it")
        return {name: expected[name] for name in self.plan.names}

    @property
    def planned_masks(self) -> dict[str, Mask]:
        """The masks that the plan names itself, those of given and band patterns."""
        shapes = {layer.weight: layer.weight_shape for layer in self.network.weighted}
        fixed = {name: fixed_mask(pattern, shapes[name]) for name, pattern in self.plan.patterns.items()}
        return {name: mask for name, mask in fixed.items() if mask is not None}

    def masked(self, parameters: Mapping[str, Reals], masks: Mapping[str, Mask]) -> dict[str, Reals]:
        """The parameters with removed entries zero, in every place where a tied weight stands."""
        sources = dict(self.network.tied)
        return {
            name: masked(values, masks[sources.get(name, name)])
            if sources.get(name, name) in masks else values
            for name, values in parameters.items()
        }

    def oracle_output(self, parameters: Mapping[str, Reals], inputs: Tensor) -> Reals:
        """The network's output in NumPy float64."""
        return forward(self.network, parameters, compare.array(inputs))

    @property
    def reference(self) -> references.Reference:
        """What is stored for this cell's network.

        Raises:
            InvalidReference: it is not fit to judge by.
        """
        return references.load(self.cell.layer)

    # ----------------------------------------------------------------- judging

    def assert_output(
        self, model: Callable[[Tensor], Tensor], parameters: Mapping[str, Reals], inputs: Tensor, what: str
    ) -> None:
        """The model's output on `inputs` is the oracle's from `parameters`, within tolerance.

        Raises:
            Violation: `output-differs`.
        """
        with torch.no_grad():
            seen = model(inputs)
        compare.assert_close(seen, self.oracle_output(parameters, inputs), self.tolerance, "output-differs", what)

    def assert_used_weights(self, model: nn.Module, parameters: Mapping[str, Reals], what: str) -> None:
        """Forward computes with exactly `parameters`.

        Raises:
            Violation: `weight-differs`.
        """
        for name, used in self.used_weights(model).items():
            compare.assert_equal(used, parameters[name], "weight-differs", f"{what}: {name} as used in forward")

    def assert_masks(self, seen: Sparsified, expected: Mapping[str, NDArray[np.bool_]], what: str) -> None:
        """The masks reported are those expected.

        Raises:
            Violation: `mask-differs`.
        """
        masks, order = self.masks(seen), dict(zip(self.plan.names, range(len(self.plan.names)), strict=True))
        for name in sorted(expected, key=lambda name: order.get(name, len(order))):
            require(name in masks, "mask-missing", f"{what}: masks() has no mask for {name}")
            compare.assert_equal(masks[name], expected[name], "mask-differs", f"{what}: mask of {name}")

    def assert_counts(
        self, sparsified: Sparsified, level: float | None = None, before: Mapping[str, Mask] | None = None
    ) -> None:
        """Exactly as many units are removed, each as a whole, as the plan asks for under the contract.

        level: of the last update, if not the plan's. before: the masks before it, if it was not the first.

        Raises:
            Violation: `count-differs`, `unit-broken` or `mask-missing`.
        """
        plan = self.plan if level is None else self.plan.at_level(level)
        weights = self.dense_parameters()
        earlier = None if before is None else list(rankings(plan, before, weights))
        for position, one in enumerate(rankings(plan, self.masks(sparsified), weights)):
            cut = expected_units(one, self.contract, None if earlier is None else earlier[position].mask)
            assert_count(one.mask, cut, one.description)

    def assert_highest_kept(self, sparsified: Sparsified, dense: Mapping[str, Reals]) -> None:
        """No unit removed scores above a unit kept, by the declared score of the weights in `dense`.

        Raises:
            Violation: `kept-differs`, `unit-broken` or `mask-missing`.
        """
        for one in rankings(self.plan, self.masks(sparsified), dense):
            cut = expected_units(one, self.contract)
            assert_highest_kept(one.mask, one.weight, cut, self.contract, self.cell.dtype, one.description)


def removes(pattern: Pattern, shape: tuple[int, ...]) -> bool:
    """Whether a pattern removes anything at all from a weight of `shape`."""
    if isinstance(pattern, (Given, Band)):
        mask = fixed_mask(pattern, shape)
        return mask is not None and not bool(mask.all())
    return bool(getattr(pattern, "level", 1.0) > 0)
