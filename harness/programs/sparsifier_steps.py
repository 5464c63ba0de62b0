"""The steps that call the sparsifier: attach, update, copy, save and restore, finalize."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from msgspec.structs import replace
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize

from ..adapter.protocol import Batch, Saved, Sparsified
from ..oracle import compare
from ..trials.raise_site import assert_deliberate
from ..trials.type_checks import checked_sparsified
from ..values.program import OptimizerKind, Program
from ..values.program_json import to_json
from ..values.steps import (
    Attach,
    CopyModel,
    Finalize,
    SaveAndRestore,
    Update,
)
from ..values.structural_program import StructuralProgram
from ..values.violation import Violation, require
from . import build, statements
from .fresh import Request, restorer_of
from .taking import Identity, NotOffered, Skipped, assert_learns, take, under
from .twin import OPTIMIZERS

if TYPE_CHECKING:
    from ..values.program import Dtype
    from .running import Run


@take.register(Attach)
def _attach(step: Attach, walk: Run) -> None:
    if walk.sparsified is not None:
        raise Skipped("attached already")
    walk.default_dtype = getattr(torch, step.default_dtype)
    if impossible := walk.impossible():
        _assert_attach_refused(walk, *impossible)
        walk.finished = True
        walk.assert_untouched()
        return
    if walk.contract.masks_at == "attach":
        walk.check_possible(walk.plan)
    walk.sparsified = _call_attach(walk)
    walk.model = walk.sparsified.model
    if walk.contract.masks_at == "attach":
        walk.judge_update(walk.plan, None if walk.contract.level_basis == "dense" else walk.twin.reported())


def _call_attach(walk: Run) -> Sparsified:
    plan, context = walk.plan.copy(), walk.context()
    try:
        with walk.user_defaults(), walk.guard.contain():
            answer = walk.adapter.attach(walk.model, plan, context)
    except Exception as error:
        assert_deliberate(error, "attach")
        raise NotOffered(str(error)) from error
    return checked_sparsified(answer, "attach", walk.guard)


def _assert_attach_refused(walk: Run, name: str, why: str) -> None:
    try:
        _call_attach(walk).update()
    except NotOffered as refusal:
        words = (name, name.rpartition(".")[0])
        message = f"{why}; attach refuses with {refusal}, which does not name it"
        require(any(word in str(refusal) for word in words), "refusal-unnamed", message)
        return
    except Violation:
        raise
    except Exception as error:
        assert_deliberate(error, "the first update")
        return
    raise Violation("not-refused", f"{why}, but attach and update go through")


@take.register(Update)
def _update(step: Update, walk: Run) -> None:
    sparsified = walk.attached
    if walk.updates and not walk.supports("reupdate"):
        raise Skipped("reupdate is not supported")
    if step.level is not None and not walk.supports("relevel"):
        raise Skipped("relevel is not supported")
    level = statements.number(step.level, step.type)
    if step.level is not None and not 0 <= step.level <= 1:
        if not any(hasattr(pattern, "level") for pattern in walk.plan.patterns.values()):
            raise Skipped("no planned pattern has a level")
        _assert_update_refused(sparsified, level)
        return
    plan = walk.plan if step.level is None else walk.plan.at_level(step.level)
    walk.check_possible(plan)
    before = walk.twin.reported() if walk.updates or walk.contract.masks_at == "attach" else None
    walk.inferred = walk.inferred or step.under == "inference_mode"
    try:
        with under(step.under):
            sparsified.update(*(() if level is None else (level,)))
    except Violation:
        raise
    except Exception as error:
        _judge_update_error(walk, error, step)
        return
    walk.updates += 1
    walk.judge_update(plan, before)


def _judge_update_error(walk: Run, error: Exception, step: Update) -> None:
    if step.type in ("numpy", "tensor"):  # a level is a float; another type must not be taken for another level
        walk.skipped.append(f"{statements.describe(step)}: a level of this type raises {type(error).__name__}")
        _update_with_float(walk, step)
        return
    if walk.updates == 0:
        assert_deliberate(error, "the first update")
        raise NotOffered(str(error)) from error
    if step.type == "float" and not step.under:
        message = f"{statements.describe(step)} raises {type(error).__name__}: {error}"
        raise Violation("crashed", message) from error
    assert_deliberate(error, statements.describe(step))


def _update_with_float(walk: Run, step: Update) -> None:
    """Update with the same level as a float, since the update that raised may have made some masks.

    If a level is a fraction of what remains, it would count twice there, so that the program ends.
    """
    if walk.contract.level_basis == "remaining":
        walk.finished = True
    else:
        take(replace(step, type="float"), walk)


def _assert_update_refused(sparsified: Sparsified, level: Any) -> None:
    try:
        sparsified.update(level)
    except Violation:
        raise
    except Exception as error:
        assert_deliberate(error, f"update({level})")
        return
    raise Violation("not-refused", f"update({level}) goes through, but a level is a fraction from 0 to 1")


@take.register(CopyModel)
def _copy_model(step: CopyModel, walk: Run) -> None:
    original: Any = walk.model if step.what == "model" else walk.attached
    original = getattr(original, "_own", original)
    try:
        made = copy.deepcopy(original) if step.how == "deepcopy" else pickle.loads(pickle.dumps(original))
    except Exception as error:  # nothing is promised here, and nothing was copied
        raise Skipped(f"{step.how} raises {type(error).__name__}") from None
    if step.what == "model":
        _assert_copy(walk, made)
        return
    copied = checked_sparsified(made, step.how, walk.guard)
    try:
        copied.masks()
    except Exception as error:  # it keeps something outside, which a copy cannot take along
        raise Skipped(f"the copy raises {type(error).__name__}") from None
    _spoil(walk.model)
    walk.sparsified = copied
    walk.model = walk.sparsified.model
    walk.before = dict(walk.model.named_parameters(remove_duplicate=False))
    walk.forget_optimizer()


def _assert_copy(walk: Run, made: nn.Module) -> None:
    expected = copy.deepcopy(walk.twin.model)(walk.inputs())
    statements.assert_output(walk, made(walk.inputs()), expected, "output of the copy")
    _spoil(made)


@take.register(SaveAndRestore)
def _save_and_restore(step: SaveAndRestore, walk: Run) -> None:
    sparsified = walk.attached
    if not walk.restores or not walk.updates:
        raise Skipped("restore is not supported" if walk.updates else "nothing was updated yet")
    saved = walk.call(sparsified.save, "save")
    if step.through == "fresh process":
        _assert_restored_elsewhere(walk, saved)
    if step.through != "memory":
        saved = Saved(_through_bytes(saved.model), _through_bytes(saved.sidecar))
    dense, donor = walk.built(build.OTHER).to(walk.dtype), walk.model
    _parametrize_like_twin(walk, dense)
    statements.give_flags(dense, walk.twin.model)
    walk.before = dict(dense.named_parameters(remove_duplicate=False))
    plan, context = walk.plan.copy(), walk.context()

    def restore() -> Sparsified:
        with walk.guard.contain():
            return checked_sparsified(walk.adapter.restore(dense, plan, saved, context), "restore", walk.guard)

    walk.sparsified = walk.call(restore, "restore")
    walk.model = walk.sparsified.model
    walk.assert_restored(donor)
    _forget_hooks(walk)
    walk.forget_optimizer()
    if walk.contract.mask_storage == "nowhere":
        _update_restored(walk)


def _assert_restored_elsewhere(walk: Run, saved: Saved) -> None:
    """Assert that another interpreter restores the same masks and the same output.

    Nothing is asserted where masks are not saved, and where a user has parametrized the dense model.
    """
    modules = dict(walk.twin.model.named_modules())
    parametrized = any(hasattr(module, "parametrizations") for module in modules.values())
    if parametrized or walk.contract.mask_storage == "nowhere" or walk.device.type != "cpu":
        return
    assert isinstance(walk.program, (Program, StructuralProgram))  # what runs was read from a file, or filled
    request = Request(
        to_json(walk.program).decode(), cast("Dtype", str(walk.dtype).removeprefix("torch.")),
        {name: module.training for name, module in modules.items()},
        {name: one.requires_grad for name, one in walk.twin.model.named_parameters()},
    )
    try:
        seen = restorer_of(walk.adapter, walk.declaration.sparsifier).restore(request, saved)
    except Skipped as reason:
        walk.skipped.append(f"restore in a fresh process: {reason}")
        return
    what = "in a fresh process"
    masks = walk.twin.reported() if isinstance(walk.program, Program) else {}  # of removed channels there are none
    for name, mask in masks.items():
        require(f"mask {name}" in seen, "mask-missing", f"{what}: masks() has no mask for {name}")
        compare.assert_equal(seen[f"mask {name}"], mask, "mask-differs", f"{what}: mask of {name}")
    expected = copy.deepcopy(walk.twin.model)(walk.inputs())
    statements.assert_output(walk, seen["output"], expected, f"{what}: output")


def _parametrize_like_twin(walk: Run, dense: nn.Module) -> None:
    """Register the user's parametrizations on a dense model, as a user does who restores a state with them."""
    for name, module in walk.twin.model.named_modules():
        for attribute, made in getattr(module, "parametrizations", {}).items():
            for _ in made:
                parametrize.register_parametrization(dense.get_submodule(name), attribute, Identity())


def _forget_hooks(walk: Run) -> None:
    """Remove the twin's hooks, since a restored model has none."""
    while walk.twin_hooks:
        walk.twin_hooks.pop().remove()
    walk.calls.clear()
    walk.twin_calls.clear()


def _update_restored(walk: Run) -> None:
    """Update, where the masks of a saved state are lost and the next update makes them."""
    if walk.contract.masks_at == "update":
        walk.call(walk.attached.update, "the first update after restore")
    walk.adopted.add("masks after a restore that carries none")
    walk.twin.set_masks(statements.reported_masks(walk))


@take.register(Finalize)
def _finalize(step: Finalize, walk: Run) -> None:
    sparsified = walk.attached
    if not walk.supports("finalize") or not walk.updates:
        raise Skipped("finalize is not supported" if walk.updates else "nothing was updated yet")
    walk.model = walk.call(sparsified.finalize, "finalize")
    if walk.contract.holds == "wrapper":  # which takes the place of the layer, and its hooks with it
        _forget_hooks(walk)
    statements.assert_final(walk)
    walk.assert_plain()
    walk.finished = True
    if step.train:
        assert_learns(walk)
        _train_final(walk, step.train)


def _train_final(walk: Run, steps: int) -> None:
    walk.twin.finalize()
    batches = walk.batches(steps, "train")
    walk.twin.forget_optimizer()
    walk.twin.train(batches, walk.program.optimizer)
    walk.call(lambda: _train_plainly(walk.model, batches, walk.program.optimizer), "training the final model")
    statements.assert_output(walk, walk.model(walk.inputs()), walk.twin.model(walk.inputs()),
                             "output of the final model after training")


def _train_plainly(model: nn.Module, batches: Sequence[Batch], kind: OptimizerKind) -> None:
    optimizer = OPTIMIZERS[kind](model.parameters())
    for inputs, target in batches:
        optimizer.zero_grad()
        functional.mse_loss(model(inputs), target).backward()
        optimizer.step()


def _spoil(model: nn.Module) -> None:
    """Overwrite every parameter of a model that must share nothing with the one at work."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(7.0)


def _through_bytes(value: Any) -> Any:
    """Return what a file would give back."""
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=False)
