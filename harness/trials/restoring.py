"""Saving and restoring, so that nothing but what was saved can have brought the masks back."""

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
from ..trials import type_checks as answers
from ..trials.baseline import assert_removed_are_zero
from ..trials.snapshot import model_tensors
from ..trials.trial import Trial
from ..values.contract import RestoresInto
from ..values.network import Network
from ..values.pattern import Band, Given, NofM, Pattern
from ..values.plan import Plan
from ..values.violation import Violation, require

Part = Literal["model", "sidecar"]
PARTS: tuple[Part, ...] = ("model", "sidecar")

CARRIERS: dict[str, tuple[Part, ...]] = {
    "model": ("model",),
    "sidecar": ("sidecar",),
    "both": ("model", "sidecar"),
    "nowhere": (),
}
"""By declared mask storage: each part of what is saved that brings the masks back by itself."""


def parts(saved: Saved) -> dict[str, Any]:
    """Both parts of what was saved, by name."""
    return {"model": saved.model, "sidecar": saved.sidecar}


def misleading_plan(trial: Trial) -> Plan:
    """For the same parameters, but with other masks: under it no mask comes back but from what was saved."""
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
    """Restored under the misleading plan, where masks are declared to be stored at all."""
    stored = trial.contract.mask_storage != "nowhere"
    return trial.restore(saved, plan=misleading_plan(trial) if stored else trial.plan)


def restore_from_part(trial: Trial, saved: Saved, part: Part) -> Sparsified:
    """Restored from one part of what was saved; the other part is that of a run of other weights and masks.
    Where both carry masks a sidecar would outvote the model, whose state dict is then loaded by itself."""
    plan = misleading_plan(trial)
    other = trial.sparsified(trial.dense_model("other"), plan)
    if part == "model" and trial.contract.mask_storage == "both":
        other.model.load_state_dict(saved.model)
        return other
    rest = other.save()
    mixed = Saved(saved.model, rest.sidecar) if part == "model" else Saved(rest.model, saved.sidecar)
    return trial.restore_without_update(mixed, plan=plan)


def assert_masks_carried(trial: Trial, restored: Sparsified, masks: Mapping[str, Mask], what: str) -> None:
    """The masks are those saved, and forward uses zero for every entry that they remove.

    Raises:
        Violation: `mask-differs`, `mask-missing` or `removed-not-zero`.
    """
    trial.assert_masks(restored, masks, what)
    assert_removed_are_zero(trial, restored.model, masks, what)


def assert_masks_not_carried(trial: Trial, restored: Sparsified, masks: Mapping[str, Mask], what: str) -> None:
    """Some mask is not the one saved.

    Raises:
        Violation: `mask-carried`.
    """
    seen = trial.masks(restored)
    same = all(name in seen and np.array_equal(seen[name], mask) for name, mask in masks.items())
    declared = trial.contract.mask_storage
    require(not same, "mask-carried", f"{what}: the saved masks came back, but mask_storage={declared!r} is declared")


def detect_restore_target(trial: Trial, saved: Saved) -> RestoresInto:
    """What a restore of `saved` builds on, as `Contract.restores_into` words it: it attaches to the dense model that
    it is given; or holds a module of that model all the same; or does neither."""
    adapter, dense, attached = copy.copy(trial.adapter), trial.dense_model("restored"), list[nn.Module]()

    def attach(model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        attached.append(model)
        return trial.adapter.attach(model, plan, context)

    adapter.attach = attach  # type: ignore[method-assign]
    given = set(dense.modules())
    with trial.guard.contain():
        made = adapter.restore(dense, trial.plan, saved, trial.context)
    restored = answers.checked_sparsified(made, "restore", trial.guard)
    if any(model is dense for model in attached):
        return "attached"
    return "dense" if given & set(restored.model.modules()) else "whole model"


def all_tensors(sparsified: Sparsified) -> dict[str, Tensor]:
    """Every tensor of one sparsified, by name: the model's, the masks, the sidecar's."""
    return flatten.tensors(
        {"model": model_tensors(sparsified.model), "masks": sparsified.masks(), "sidecar": sparsified.sidecar()}
    )


def state_of_other_shapes(trial: Trial) -> Saved:
    """What is saved of a run whose planned weights all have another shape, under the same names."""
    return with_other_shapes(trial).sparsified().save()


def with_other_shapes(trial: Trial) -> Trial:
    """The same on a network whose planned weights all have another shape, under the same names."""
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
    """Restoring it raises, and the message names a layer that it does not fit.

    Raises:
        Violation: `not-refused`, `refusal-unnamed` or `protocol-broken`.
    """
    layers = [name.rpartition(".")[0] for name in trial.plan.names]
    try:
        trial.restore_without_update(saved)
    except Violation:
        raise
    except Exception as error:
        named = any(layer in str(error) for layer in layers)
        message = f"{what} is refused with {type(error).__name__}: {error}; expected one of {', '.join(layers)} by name"
        require(named, "refusal-unnamed", message)
    else:
        raise Violation("not-refused", f"{what} is restored; expected a refusal that names the layer it does not fit")


def reload_safely(value: Any, what: str) -> Any:
    """What torch.load(weights_only=True) makes of what torch.save wrote.

    Raises:
        Violation: `unsafe-to-load`, it does not load so.
    """
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return load_safely(file, what)


def load_safely(file: io.BytesIO, what: str) -> Any:
    """What torch.load(weights_only=True) makes of a file.

    Raises:
        Violation: `unsafe-to-load`, it does not load so.
    """
    try:
        return torch.load(file, weights_only=True)
    except pickle.UnpicklingError as error:
        reason = next((line for line in str(error).splitlines() if "nsupported" in line), str(error).splitlines()[0])
        brief = reason.partition(". ")[0].strip()
        raise Violation("unsafe-to-load", f"{what} does not load with weights_only=True: {brief}") from error


def load_strictly(model: nn.Module, state: Mapping[str, Any], what: str) -> None:
    """model.load_state_dict(strict=True).

    Raises:
        Violation: `state-dict-refused`, it does not fit.
    """
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise Violation("state-dict-refused", f"{what}: {' '.join(str(error).split())}") from error


def dtype_to_cast_from(trial: Trial) -> str:
    """The dtype in which a model is made that is cast to the cell's: float32, or another that the sparsifier takes;
    the cell's own where it takes no other."""
    others = (dtype for dtype in ("float32", *DTYPES) if dtype != trial.cell.dtype)
    return next((dtype for dtype in others if trial.supports(dtype)), trial.cell.dtype)


def with_axes(trial: Trial, **axes: str) -> Trial:
    """The same cell with other values on some axes: `dtype`, `device`."""
    other = Trial(msgspec.structs.replace(trial.cell, **axes), trial.adapter)
    other.guard = trial.guard
    return other
