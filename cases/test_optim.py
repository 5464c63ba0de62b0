"""OPTIM: one optimizer that lives through attach, updates, and a restore."""

import contextlib
import copy

import torch
from torch import nn
from torch.nn import functional

from sparsecheck import Sparsified, Trial, case, require
from sparsecheck.oracle.compare import array, assert_close, assert_equal
from sparsecheck.trials import optimizing, places
from sparsecheck.trials.baseline import assert_removed_are_zero
from sparsecheck.trials.optimizing import Twin
from sparsecheck.values.violation import presume


@case("OPTIM-01")
def test_removed_entries_stay_zero_under_an_optimizer_that_lives_on(trial: Trial) -> None:
    sparsified = trial.attach()
    optimizer = optimizing.build(trial, sparsified.model)
    for when in optimizing.updates(trial, sparsified):
        sparsified.train(trial.batches(2, "lesson"), functional.mse_loss, optimizer)
        masks = optimizing.masks_now(trial, sparsified, when)
        assert_removed_are_zero(trial, sparsified.model, masks, f"trained {when}")


@case("OPTIM-02")
def test_kept_entries_train_as_in_a_plain_model_through_updates(trial: Trial) -> None:
    sparsified, twin = _attached_with_twin(trial)
    optimizer, own = twin.optimizers(sparsified)
    for when in optimizing.updates(trial, sparsified):
        twin.follow(sparsified, when)
        for batch in trial.batches(2, "lesson"):
            sparsified.train([batch], functional.mse_loss, optimizer)
            optimizing.plainly(twin.model, [batch], own, twin.step)
            twin.adopt(sparsified)
        twin.assert_followed(sparsified, f"trained {when}")


def _attached_with_twin(trial: Trial) -> tuple[Sparsified, Twin]:
    model = trial.dense_model()
    parameters = dict(model.named_parameters())
    sparsified = trial.attach(model)
    return sparsified, Twin(trial, sparsified, parameters)


@case("OPTIM-03")
def test_every_training_loop_trains_as_a_plain_model(trial: Trial) -> None:
    sparsified, twin = _attached_with_twin(trial)
    loop, own = (optimizing.loop_of(trial, optimizer) for optimizer in twin.optimizers(sparsified))
    for when in optimizing.updates(trial, sparsified):
        twin.follow(sparsified, when)
        for batches in optimizing.turns(trial):
            loop(sparsified.model, batches, sparsified.step)
            own(twin.model, batches, twin.step)
            twin.adopt(sparsified)
        twin.assert_followed(sparsified, f"trained {when}")


@case("OPTIM-04")
def test_clipping_sees_the_norm_of_a_plain_model(trial: Trial) -> None:
    sparsified, twin = _attached_with_twin(trial)
    optimizers = twin.optimizers(sparsified)
    for when in optimizing.updates(trial, sparsified):
        twin.follow(sparsified, when)
        norms = list[torch.Tensor]()
        both = ((sparsified.model, sparsified.step), (twin.model, twin.step))
        for (model, step), optimizer in zip(both, optimizers, strict=True):
            optimizer.zero_grad()
            optimizing.backward(model, trial.batches(1, "lesson"))
            norms.append(nn.utils.clip_grad_norm_(model.parameters(), 0.01))
            step(optimizer)
        what = f"the norm of all gradients {when}, to which clip_grad_norm_ clips"
        assert_close(norms[0], array(norms[1]), trial.tolerance, "norm-differs", what)
        twin.assert_followed(sparsified, f"trained by clipped gradients {when}")


@case("OPTIM-05")
def test_restored_run_trains_on_with_the_state_of_its_optimizer(trial: Trial) -> None:
    original, first = _built_early_or_late(trial)
    batches = trial.batches(2, "lesson")
    original.train(batches, functional.mse_loss, first)
    restored = trial.restore(original.save())
    second = optimizing.build(trial, restored.model)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    optimizing.assert_fits(second, "restored, with the optimizer state of the original")
    for sparsified, optimizer in ((original, first), (restored, second)):
        sparsified.train(batches, functional.mse_loss, optimizer)
    seen = trial.used_weights(restored.model)
    for name, expected in trial.used_weights(original.model).items():
        what = f"restored and trained on as the original: {name}"
        assert_equal(seen[name], array(expected), "training-differs", what)


def _built_early_or_late(trial: Trial) -> tuple[Sparsified, torch.optim.Optimizer]:
    """Return a sparse model and its optimizer, built before attach if the order of parameters is declared kept."""
    if trial.contract.parameter_order == "kept":
        return places.sparsified_from(trial, lambda model: optimizing.build(trial, model))
    sparsified = trial.sparsified()
    return sparsified, optimizing.build(trial, sparsified.model)


@case("OPTIM-06", compares="the order")
def test_order_of_parameters_is_as_declared(trial: Trial) -> None:
    model, declared = trial.dense_model(), trial.contract.parameter_order
    parameters = dict(model.named_parameters())
    sparsified = trial.sparsified(model)
    live = optimizing.live_by_name(trial, sparsified, parameters)
    names = {id(parameter): name for name, parameter in live.items()}
    seen = [names.get(id(one), "one of its own") for one in sparsified.model.parameters()]
    order = "kept" if seen == list(parameters) else "changed"
    message = f"the sparse model lists {', '.join(seen)}; parameter_order={declared!r} is declared"
    require(order == declared, "order-otherwise", message)


@case("OPTIM-07", compares="the hooks that ran")
def test_step_hooks_run_once_per_step(trial: Trial) -> None:
    sparsified, ran = trial.attach(), list[str]()
    optimizer = optimizing.build(trial, sparsified.model)
    optimizer.register_step_pre_hook(lambda *_: ran.append("the pre-hook"))
    optimizer.register_step_post_hook(lambda *_: ran.append("the post-hook"))
    for when in optimizing.updates(trial, sparsified):
        ran.clear()
        sparsified.train(trial.batches(1, "lesson"), functional.mse_loss, optimizer)
        message = f"one step {when}: of an optimizer's step hooks ran {' and '.join(ran) or 'none'}, expected both once"
        require(ran == ["the pre-hook", "the post-hook"], "hooks-differ", message)


@case("OPTIM-08", compares="the gradients")
def test_update_between_forward_and_backward(trial: Trial) -> None:
    sparsified, twin = _attached_with_twin(trial)
    sparsified.update()
    twin.follow(sparsified, "after an update")
    [(inputs, target)] = trial.batches(1, "lesson")
    loss = functional.mse_loss(sparsified.model(inputs), target)
    sparsified.update(0.75)
    for name, mask in optimizing.masks_now(trial, sparsified, "after a second update").items():
        moved = bool((mask != twin.kept[name]).any())
        presume(moved, "update-without-effect", f"an update to 0.75 left the mask of {name} as it was")
    try:
        loss.backward()
    except RuntimeError as error:
        message = f"backward after an update raises an error that is not torch's about a modified tensor: {error}"
        require("modified by an inplace operation" in str(error), "backward-broken", message)
        return
    optimizing.backward(twin.model, [(inputs, target)])
    twin.assert_gradients("an update between forward and backward")


@case("OPTIM-09", compares="the parameters that were trained")
def test_optimizer_trains_all_that_is_left_or_nothing_as_declared(trial: Trial) -> None:
    model, declared = trial.dense_model(), trial.contract.optimizers
    optimizer, count = torch.optim.SGD(model.parameters(), 0.1), sum(one.numel() for one in model.parameters())
    optimizing.plainly(model, trial.batches(1, "dense"), optimizer, lambda one: one.step())
    sparsified = trial.attach(model)
    sparsified.update()
    is_smaller = sum(one.numel() for one in sparsified.model.parameters()) < count
    presume(is_smaller, "plan-not-applied", "attach and update removed no channel")
    before = {name: one.detach().clone() for name, one in sparsified.model.named_parameters()}
    optimizer.zero_grad()
    sparsified.model.zero_grad()
    optimizing.backward(sparsified.model, trial.batches(1, "lesson"))
    with contextlib.suppress(RuntimeError):  # by which torch refuses a parameter of another shape
        sparsified.step(optimizer)
    now = dict(sparsified.model.named_parameters())
    steps = {name: 0.1 * one.grad for name, one in now.items() if one.grad is not None}
    learns = [name for name, step in steps.items() if not torch.equal(before[name] - step, before[name])]
    moved = [name for name in before if not torch.equal(now[name], before[name])]
    seen = "kept" if set(moved) >= set(learns) else "rebuilt" if not moved else "neither"
    message = f"an optimizer of the dense model trains {len(moved)} of the {len(learns)} parameters that are left"
    require(seen == declared, "optimizer-torn", f"{message}; optimizers={declared!r} is declared")
