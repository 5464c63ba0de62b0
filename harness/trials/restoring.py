"""Save and restore in such a way that only the saved state can have restored the masks."""

from __future__ import annotations

import copy
import io
import itertools
import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from ..adapter.protocol import Context, Saved, Sparsified
from ..catalogue.axes import DTYPES
from ..oracle import flatten
from ..oracle.networks import network
from ..oracle.plans import pattern_for
from ..oracle.units import Mask
from ..report.verdict import said
from ..values.comparisons import note
from ..values.contract import RestoresInto
from ..values.network import Network
from ..values.pattern import Band, Given, NofM, Pattern
from ..values.plan import Plan
from ..values.violation import Violation, require
from . import type_checks
from .baseline import assert_removed_are_zero
from .raise_site import assert_deliberate
from .snapshot import model_tensors
from .trial import Trial

Part = Literal["model", "sidecar"]
PARTS: tuple[Part, ...] = ("model", "sidecar")

CARRIERS: dict[str, tuple[Part, ...]] = {
    "model": ("model",),
    "sidecar": ("sidecar",),
    "both": ("model", "sidecar"),
    "nowhere": (),
}
"""By declared mask storage, the parts of a saved state that each restore the masks by themselves."""


def parts(saved: Saved) -> dict[str, Any]:
    """Return both parts of a saved state, by name."""
    return {"model": saved.model, "sidecar": saved.sidecar}


def misleading_plan(trial: Trial) -> Plan:
    """Return a plan for the same parameters with other masks, so that only a saved state can restore the right ones."""
    return Plan({name: _other(trial, name, pattern) for name, pattern in trial.plan.patterns.items()}).at_level(0.25)


def _other(trial: Trial, name: str, pattern: Pattern) -> Pattern:
    if isinstance(pattern, Given):
        return pattern_for("given", pattern.mask.shape, f"{trial.cell.requirement} misleading {name}")
    if isinstance(pattern, Band):
        return Band(pattern.width + 2)
    if isinstance(pattern, NofM) and trial.supports("any_n_of_m"):
        return replace(pattern, n=1)
    return pattern


def resume(trial: Trial, saved: Saved) -> Sparsified:
    """Restore under the misleading plan, unless masks are declared to be stored nowhere."""
    stored = trial.contract.mask_storage != "nowhere"
    return trial.restore(saved, plan=misleading_plan(trial) if stored else trial.plan)


def restore_from_part(trial: Trial, saved: Saved, part: Part) -> Sparsified:
    """Restore from one part of a saved state; the other part comes from a run with other weights and masks.

    Where both parts carry masks, a sidecar would take precedence, so the model's state dict is loaded by itself.
    """
    plan = misleading_plan(trial)
    other = trial.sparsified(trial.dense_model("other"), plan)
    if part == "model" and trial.contract.mask_storage == "both":
        other.model.load_state_dict(saved.model)
        return other
    rest = other.save()
    mixed = Saved(saved.model, rest.sidecar) if part == "model" else Saved(rest.model, saved.sidecar)
    return trial.restore_without_update(mixed, plan=plan)


def assert_masks_carried(trial: Trial, restored: Sparsified, masks: Mapping[str, Mask], what: str) -> None:
    """Assert that the masks are the saved ones, and that forward uses zero for every removed entry.

    Raises:
        Violation: A mask is different (`mask-differs`) or missing (`mask-missing`), or a removed entry is not zero
            (`removed-not-zero`).
    """
    trial.assert_masks(restored, masks, what)
    assert_removed_are_zero(trial, restored.model, masks, what)


def assert_masks_not_carried(trial: Trial, restored: Sparsified, masks: Mapping[str, Mask], what: str) -> None:
    """Assert that some mask differs from the saved one.

    Raises:
        Violation: All saved masks were restored (`mask-carried`).
    """
    seen = trial.masks(restored)
    for name in masks:
        note(f"{what}: mask of {name}")
    same = all(name in seen and np.array_equal(seen[name], mask) for name, mask in masks.items())
    declared = trial.contract.mask_storage
    message = f"{what}: the saved masks were restored, but mask_storage={declared!r} is declared"
    require(not same, "mask-carried", message)


def detect_restore_target(trial: Trial, saved: Saved) -> RestoresInto:
    """Return the model that a restore of `saved` builds on, in the words of `Contract.restores_into`.

    It attaches to the given dense model (`attached`), uses a module of it without attaching (`dense`), or uses none of
    it (`whole model`).
    """
    adapter, dense, attached = copy.copy(trial.adapter), trial.dense_model("restored"), list[nn.Module]()

    def attach(model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        attached.append(model)
        return trial.adapter.attach(model, plan, context)

    adapter.attach = attach  # type: ignore[method-assign]
    given = set(dense.modules())
    with trial.guard.contain():
        made = adapter.restore(dense, trial.plan.copy(), saved, trial.context)
    restored = type_checks.checked_sparsified(made, "restore", trial.guard)
    if any(model is dense for model in attached):
        return "attached"
    return "dense" if given & set(restored.model.modules()) else "whole model"


def all_tensors(sparsified: Sparsified) -> dict[str, Tensor]:
    """Return every tensor of the model, the masks and the sidecar, by name."""
    return flatten.tensors(
        {"model": model_tensors(sparsified.model), "masks": sparsified.masks(), "sidecar": sparsified.sidecar()}
    )


def state_of_other_shapes(trial: Trial) -> Saved:
    """Return the saved state of a run whose planned weights have the same names, but other shapes."""
    return with_other_shapes(trial).sparsified().save()


def with_other_shapes(trial: Trial) -> Trial:
    """Return the trial on a network whose planned weights have the same names, but other shapes."""
    return trial.with_network(_other_network(trial), f"{trial.cell.requirement} foreign")


def _other_network(trial: Trial) -> Network:
    own = {layer.weight: layer.weight_shape for layer in trial.network.weighted}
    for number in itertools.count():
        salt = f"{trial.cell.requirement} foreign {number}"
        other = network(trial.cell.layer, salt, trial.contract.multiple)
        if all(layer.weight_shape != own[layer.weight] for layer in other.weighted if layer.weight in other.planned):
            return other
    raise AssertionError


def assert_state_refused(trial: Trial, saved: Saved, what: str) -> None:
    """Assert that restoring `saved` raises, on purpose, an error that names a layer which it does not fit.

    Raises:
        Violation: It is restored (`not-refused`), the error names no layer (`refusal-unnamed`) or is a crash
            (`refusal-by-accident`), or the adapter breaks the protocol (`protocol-broken`).
    """
    layers = [name.rpartition(".")[0] for name in trial.plan.names]
    try:
        trial.restore_without_update(saved)
    except Violation:
        raise
    except Exception as error:
        text = said(error)
        named = any(layer in text for layer in layers)
        message = f"{what} is refused with {type(error).__name__}: {text}; it names none of {', '.join(layers)}"
        require(named, "refusal-unnamed", message)
        assert_deliberate(error, f"restoring {what}")
    else:
        raise Violation("not-refused", f"{what} is restored; expected an error that names the layer it does not fit")


def reload_safely(value: Any, what: str) -> Any:
    """Save a value with torch.save, and load it with weights_only=True.

    Raises:
        Violation: It does not load (`unsafe-to-load`).
    """
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return load_safely(file, what)


def load_safely(file: io.BytesIO, what: str) -> Any:
    """Load a file with torch.load(weights_only=True).

    Raises:
        Violation: It does not load (`unsafe-to-load`).
    """
    try:
        return torch.load(file, weights_only=True)
    except pickle.UnpicklingError as error:
        reason = next((line for line in str(error).splitlines() if "nsupported" in line), str(error).splitlines()[0])
        brief = reason.partition(". ")[0].strip()
        raise Violation("unsafe-to-load", f"{what} does not load with weights_only=True: {brief}") from error


def load_strictly(model: nn.Module, state: Mapping[str, Any], what: str) -> None:
    """Call model.load_state_dict(strict=True).

    Raises:
        Violation: It raises (`state-dict-refused`).
    """
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise Violation("state-dict-refused", f"{what}: {' '.join(str(error).split())}") from error


def dtype_to_cast_from(trial: Trial) -> str:
    """Return the dtype of a model that is then cast to the cell's dtype.

    This is float32, or another dtype that the sparsifier supports, or the cell's own if it supports no other.
    """
    others = (dtype for dtype in ("float32", *DTYPES) if dtype != trial.cell.dtype)
    return next((dtype for dtype in others if trial.supports(dtype)), trial.cell.dtype)


def with_axes(trial: Trial, **axes: str) -> Trial:
    """Return the same cell with other values on some axes (`dtype`, `device`)."""
    other = Trial(msgspec.structs.replace(trial.cell, **axes), trial.adapter, trial.declaration)
    other.guard = trial.guard
    return other
