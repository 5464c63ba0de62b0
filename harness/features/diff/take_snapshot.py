"""Take a snapshot: run a sparsifier through every scenario, in float32 on the CPU."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...adapter.discovery import Found
from ...adapter.protocol import Adapter, Context, Sparsified
from ...errors import SparsecheckError
from ...operations.clocks import quiet
from ...operations.counting import operators
from ...operations.tasks import Task
from ...oracle.compare import array
from ...oracle.flatten import leaves
from ...oracle.networks import network
from ...oracle.plans import plan_for
from ...oracle.references import Form
from ...process.environment import here
from ...process.guard import Guard
from ...report.signature import first_line
from ...report.verdict import signature
from ...trials import models
from ...trials.pruned_model import read_tensors, remaining_masks
from ...values.pattern import Given, Pattern
from ...values.plan import Scope
from .scenarios import COARSE, TOGETHER, Scenario, scenarios_for
from .snapshot import Provenance, ScenarioResult, Snapshot, SnapshotMetadata

_SALT, _DTYPE, _DEVICE = "recorded", torch.float32, torch.device("cpu")
_NEEDED = ("cpu", "float32")
_HIGHER = 0.75
"""The level of the second update, higher than that of every pattern in a scenario."""


class SnapshotUnsupported(SparsecheckError):
    """Raised if a sparsifier does not support float32 on the CPU, or any scenario; the message says which."""


def take_snapshot(found: Found) -> Snapshot:
    """Return the snapshot of a sparsifier, which is deterministic.

    Raises:
        SnapshotUnsupported: The sparsifier declares the CPU, float32 or every scenario unsupported.
    """
    declaration = found.declaration
    lacking = [name for name in _NEEDED if name not in declaration.capabilities.supported]
    planned = scenarios_for(declaration)
    if lacking or not planned:
        lacks = " and ".join(lacking) or "every layer with every pattern"
        raise SnapshotUnsupported(f"{found.name} declares {lacks} unsupported; snapshots are of float32 on the CPU")
    recorded: dict[str, NDArray[Any]] = {}
    with quiet():
        results = tuple(_ScenarioRun(found.adapter, one, recorded).result() for one in planned)
    metadata = SnapshotMetadata(
        sparsifier=found.name, distribution=declaration.distribution, version=declaration.version,
        profile=declaration.profile, contract=declaration.contract, provenance=_provenance(), results=results,
    )
    return Snapshot(metadata, recorded)


def _provenance() -> Provenance:
    place = here()
    return Provenance(place.torch, place.numpy, place.python, place.platform, platform.machine())


class _ScenarioRun:
    """One scenario being run. The arrays of the snapshot are added to `recorded`, the rest to `parts`."""

    def __init__(self, adapter: Adapter, scenario: Scenario, recorded: dict[str, NDArray[Any]]) -> None:
        self.adapter, self.scenario, self.recorded = adapter, scenario, recorded
        self.network = network(scenario.layer, _SALT, adapter.contract.multiple)
        scope: Scope = "all" if scenario.variant == TOGETHER else "each"
        self.plan = plan_for(self.network, scenario.pattern, _SALT, scope)
        self.inputs = models.inputs(self.network, _SALT, 2, _DTYPE, _DEVICE)
        batches = models.batches(self.network, _SALT, "calibration", 2, _DTYPE, _DEVICE)
        self.context = Context(self.inputs.clone(), tuple((one.clone(), two.clone()) for one, two in batches),
                               _DEVICE, _DTYPE)
        self.parts: dict[str, Any] = {}
        self.doing = "attach"

    def dense_model(self) -> nn.Module:
        """Return a new dense model, equal each time."""
        model = models.build(self.network, _SALT, _DTYPE, _DEVICE)
        if self.scenario.variant == COARSE:
            with torch.no_grad():
                for name in self.plan.names:
                    weight = model.get_parameter(name)
                    weight.copy_(self._tying(weight))
        return model

    def _tying(self, weight: Tensor) -> Tensor:
        if self.adapter.profile == "mask":
            return _coarse(weight)
        return _rows_alike(weight, squared=self.adapter.contract.score == "magnitude-l2")

    def attached(self) -> Sparsified:
        return self.adapter.attach(self.dense_model(), self.plan, self.context)

    def result(self) -> ScenarioResult:
        """Run the scenario until an operation raises, and return its result."""
        inputs = self._note_inputs()
        draws, raised = self.adapter.contract.score == "random", ""
        with Guard(draws).keep():
            try:
                self._run()
            except Exception as error:
                raised = f"{self.doing}: {first_line(signature(error))}"
        plan = {name: _words(pattern) for name, pattern in self.plan.patterns.items()}
        return ScenarioResult(scenario=self.scenario.id, plan=plan, inputs=inputs, raised=raised, **self.parts)

    def _note_inputs(self) -> str:
        """Record the planned dense weights, and return the sha256 of the dense model and its inputs."""
        state, digest = self.dense_model().state_dict(), hashlib.sha256()
        for name, tensor in (*state.items(), ("", self.inputs)):
            digest.update(f"{name} {list(tensor.shape)} ".encode() + tensor.numpy().tobytes())
        for name in self.plan.names:
            self.recorded[f"dense {self.scenario.model} {name}"] = np.ascontiguousarray(state[name].numpy())
        return digest.hexdigest()

    def _run(self) -> None:
        sparsified = self.attached()
        for stage, level in self._stages():
            self.doing = stage
            sparsified.update(level)
            self._note_masks(sparsified, stage)
            self._note_output(sparsified.model, stage)
            if stage == "update":
                self._note_saved(sparsified)
        self._note_counts()

    def _stages(self) -> Iterator[tuple[str, float | None]]:
        yield "update", None
        if self.scenario.has_level and "relevel" in self.adapter.declare("").capabilities.supported:
            yield "relevel", _HIGHER

    def _note_masks(self, sparsified: Sparsified, stage: str) -> None:
        self.doing = f"masks after {stage}"
        for name, mask in self._masks(sparsified).items():
            self.recorded[f"mask {self.scenario.id} {stage} {name}"] = np.ascontiguousarray(array(mask) != 0)
            if isinstance(mask, Tensor):
                self.parts.setdefault("masks", {})[name] = _form(mask)

    def _masks(self, sparsified: Sparsified) -> Mapping[str, Tensor | NDArray[np.bool_]]:
        if self.adapter.profile == "structural":
            return remaining_masks(sparsified.model, self.network, read_tensors(self.dense_model()))
        return sparsified.masks()

    def _note_output(self, model: nn.Module, stage: str) -> None:
        self.doing = f"forward after {stage}"
        model.eval()
        with torch.no_grad():
            output = model(self.inputs)
        model.train()
        self.parts.setdefault("outputs", {})[stage] = _form(output)
        if isinstance(output, Tensor):
            self.recorded[f"output {self.scenario.id} {stage}"] = _numbers(output)

    def _note_saved(self, sparsified: Sparsified) -> None:
        self.doing = "save"
        saved = sparsified.save()
        self.parts["state"] = {name: _form(value) for name, value in leaves(saved.model).items()}
        self.parts["sidecar"] = {name: _form(value) for name, value in leaves(saved.sidecar).items()}

    def _note_counts(self) -> None:
        self.doing = "counting"
        sparsified = self.attached()
        sparsified.update()
        model = sparsified.model.eval()
        forward = Task(lambda: model(self.inputs), within=torch.no_grad)
        update = Task(lambda fresh: fresh.update(), lambda: (self.attached(),))
        self.parts["counts"] = {"forward": operators(forward), "update": operators(update)}


def _coarse(weight: Tensor) -> Tensor:
    """Round weights to few values, none of them zero, so that many scores are equal."""
    return weight.sign() * (weight.abs() * 8).ceil() / 8


def _rows_alike(weight: Tensor, squared: bool) -> Tensor:
    """Return a weight whose rows all have the same norm, so that they tie, but whose entries all differ.

    Each row consists of pairs a and 1 - a, or their roots if the norm is the L2 norm. Distinct entries let each row be
    found again in the pruned model.
    """
    flat = weight.flatten(1)
    half = flat.shape[1] // 2
    count = len(flat) * half
    low = torch.arange(1, count + 1, dtype=torch.float64).view(len(flat), half) / 2 ** (2 * count + 1).bit_length()
    pairs = torch.cat((low, 1 - low, flat[:, 2 * half :].abs().double()), 1)
    return (flat.sign() * (pairs.sqrt() if squared else pairs)).to(weight.dtype).view_as(weight)


def _words(pattern: Pattern) -> str:
    if isinstance(pattern, Given):
        return f"Given(mask of sha256 {hashlib.sha256(pattern.mask.tobytes()).hexdigest()[:16]})"
    return str(pattern)


def _form(value: object) -> Form:
    """Return shape and dtype of a tensor, or the name of the type of any other value."""
    if isinstance(value, Tensor):
        return Form(tuple(value.shape), str(value.dtype).removeprefix("torch."))
    return Form((), type(value).__name__)


def _numbers(tensor: Tensor) -> NDArray[Any]:
    """Return the tensor as an array with the same bits; bfloat16, which NumPy lacks, becomes float32."""
    plain = tensor.detach().to_dense().cpu().contiguous()
    return (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
