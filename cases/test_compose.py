"""COMPOSE: a sparse model together with what else people do to models."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sparsecheck import Sparsified, Trial, case, require
from sparsecheck.oracle.compare import array, assert_close, assert_equal
from sparsecheck.oracle.units import Reals
from sparsecheck.trials import composing, optimizing, places
from sparsecheck.trials.baseline import assert_removed_are_zero, reported_masks
from sparsecheck.trials.refusal import refusal_of
from sparsecheck.values.violation import presume


@case("COMPOSE-01")
def test_attribute_reads_as_declared(trial: Trial) -> None:
    model, declared = trial.dense_model(), trial.contract.weight_attribute
    parameters, modules = dict(model.named_parameters()), dict(model.named_modules())
    sparsified = trial.sparsified(model)
    before = _arrays(trial, trial.used_weights(sparsified.model))
    dense = trial.dense_weights(sparsified, parameters)
    for weight in dense.values():
        weight.detach().mul_(2)
    read = _arrays(trial, composing.read_attributes(trial, sparsified.model, modules))
    used = _arrays(trial, trial.used_weights(sparsified.model))
    expected = {"stale": before, "dense": _arrays(trial, dense)}.get(declared, used)
    for name in trial.plan.names:
        what = f"{name}, read between two forwards after the dense weight was doubled; declared {declared}"
        assert_equal(read[name], expected[name], "attribute-otherwise", what)


def _arrays(trial: Trial, weights: Mapping[str, torch.Tensor]) -> dict[str, Reals]:
    return {name: array(weights[name]).copy() for name in trial.plan.names}


@case("COMPOSE-02")
def test_low_rank_update_is_merged_or_lost_as_declared(trial: Trial) -> None:
    model, declared = trial.dense_model(), trial.contract.weight_attribute
    modules = dict(model.named_modules())
    sparsified = trial.sparsified(model)
    before, masks = _arrays(trial, trial.used_weights(sparsified.model)), reported_masks(trial, sparsified)
    with torch.no_grad():
        read = composing.read_attributes(trial, sparsified.model, modules)
        added = {name: composing.low_rank(weight) for name, weight in read.items()}
        for name, weight in read.items():
            weight.add_(added[name])
    composing.step_without_learning(trial, sparsified)
    takes_effect = declared in ("live", "dense")
    for name, used in _arrays(trial, trial.used_weights(sparsified.model)).items():
        merged = np.where(masks[name], before[name] + (array(added[name]) if takes_effect else 0.0), 0.0)
        what = f"{name} after a low-rank update was added to it in place; declared {declared}"
        assert_close(used, merged, trial.tolerance, "merged-otherwise", what)


@case("COMPOSE-03")
def test_assigned_weight_is_in_effect_and_sparse_or_an_error(trial: Trial) -> None:
    model = trial.dense_model()
    modules = dict(model.named_modules())
    sparsified = trial.sparsified(model)
    masks, used = reported_masks(trial, sparsified), trial.used_weights(sparsified.model)
    with composing.errors_allowed(f"assigning a new {', '.join(masks)}"):
        for name in masks:
            layer = places.layer(trial, sparsified.model, name.rpartition(".")[0], modules)
            merged = used[name].detach() + composing.low_rank(used[name])
            composing.assign(layer, name.rpartition(".")[2], merged)
        composing.step_without_learning(trial, sparsified)
        now = trial.used_weights(sparsified.model)
        for name, mask in masks.items():
            expected = np.where(mask, array(used[name] + composing.low_rank(used[name])), 0.0)
            what = f"{name} after a new weight was assigned and one step"
            assert_close(now[name], expected, trial.tolerance, "merged-otherwise", what)


@case("COMPOSE-04")
def test_later_hook_sees_the_weight_in_use(trial: Trial) -> None:
    model, seen = trial.dense_model(), dict[str, Reals]()
    parameters, modules = dict(model.named_parameters()), dict(model.named_modules())
    sparsified = trial.sparsified(model)
    for name in trial.plan.names:
        def look(module: nn.Module, inputs: object, name: str = name) -> None:
            seen[name] = array(getattr(module, name.rpartition(".")[2])).copy()

        places.layer(trial, sparsified.model, name.rpartition(".")[0], modules).register_forward_pre_hook(look)
    for when in ("after attach", "after a further update"):
        for weight in trial.dense_weights(sparsified, parameters).values():
            weight.detach().mul_(2)
        used = _arrays(trial, trial.used_weights(sparsified.model))
        for name in trial.plan.names:
            presume(name in seen, "hooks-differ", f"{when}: a user's pre-hook on the layer of {name} did not run")
            what = f"{when}: {name} as a user's forward pre-hook sees it, which was registered after attach"
            assert_equal(seen[name], used[name], "attribute-otherwise", what)
        trial.update_again(sparsified)


@case("COMPOSE-05")
def test_parametrized_weight_is_sparsified_or_refused(trial: Trial) -> None:
    model, made = trial.dense_model().eval(), list[Sparsified]()
    composing.parametrize_planned(trial, model)

    def attach_and_update() -> None:
        sparsified = trial.attach(model)
        sparsified.update()
        made.append(sparsified)

    words = (*trial.plan.names, *(name.rpartition(".")[0] for name in trial.plan.names))
    refused = refusal_of(attach_and_update, model, words, "attach or update of a parametrized weight")
    for sparsified in made:
        masks = reported_masks(trial, sparsified)
        for name, mask in masks.items():
            require(not mask.all(), "plan-not-applied", f"{name}, parametrized before attach: its mask keeps all")
        _assert_stays_zero(trial, sparsified, f"parametrized before attach ({trial.cell.layer})")
    if refused is not None:
        require(True, "refusal-unnamed", f"{', '.join(trial.plan.names)}, parametrized before attach, are refused")


def _assert_stays_zero(trial: Trial, sparsified: Sparsified, what: str) -> None:
    assert_removed_are_zero(trial, sparsified.model, reported_masks(trial, sparsified), what)
    optimizer = torch.optim.SGD(sparsified.model.parameters(), lr=0.1)
    sparsified.train(trial.batches(2, "lesson"), functional.mse_loss, optimizer)
    assert_removed_are_zero(trial, sparsified.model, reported_masks(trial, sparsified), f"{what}, and trained")


@case("COMPOSE-06")
def test_later_parametrization_is_in_effect_and_sparse_or_an_error(trial: Trial) -> None:
    sparsified = trial.sparsified(trial.dense_model().eval())
    before = _arrays(trial, trial.used_weights(sparsified.model))
    with composing.errors_allowed(f"parametrizing {', '.join(trial.plan.names)} after attach"):
        composing.parametrize_planned(trial, sparsified.model)
        _assert_in_effect(trial, sparsified, before)


def _assert_in_effect(trial: Trial, sparsified: Sparsified, before: dict[str, Reals]) -> None:
    used = _arrays(trial, trial.used_weights(sparsified.model))
    what, masks = f"parametrized after attach ({trial.cell.layer})", reported_masks(trial, sparsified)
    factor = 2.0 if trial.cell.layer == "own-parametrization" else 1.0
    for name in trial.plan.names if trial.cell.layer != "spectral-norm" else ():
        kept = np.where(masks[name], used[name], 0.0)
        assert_close(kept, factor * before[name], trial.tolerance, "weight-differs", f"{what}: kept entries of {name}")
    _assert_stays_zero(trial, sparsified, what)
    trial.update_again(sparsified)
    _assert_stays_zero(trial, sparsified, f"{what}, and updated")


@case("COMPOSE-07", compares="the gradients")
def test_two_runs_before_one_backward_add_up(trial: Trial) -> None:
    sparsified = trial.sparsified()
    one, other = ([batch] for batch in trial.batches(2, "lesson"))

    def together() -> None:
        torch.stack([functional.mse_loss(sparsified.model(x), y) for x, y in (*one, *other)]).sum().backward()

    def alone() -> None:
        optimizing.backward(sparsified.model, (*one, *other))

    _assert_same_gradients(trial, sparsified, together, alone, "two runs before one backward")


@case("COMPOSE-08", compares="the gradients")
def test_checkpointing_gives_the_same_gradients(trial: Trial) -> None:
    sparsified = trial.sparsified()
    [(inputs, target)] = trial.batches(1, "lesson")

    def checkpointed() -> None:
        output = composing.checkpointed(trial, sparsified.model, inputs.clone())
        functional.mse_loss(output, target).backward()

    def plainly() -> None:
        optimizing.backward(sparsified.model, [(inputs, target)])

    _assert_same_gradients(trial, sparsified, checkpointed, plainly, f"by {trial.cell.layer}")


def _assert_same_gradients(
    trial: Trial, sparsified: Sparsified, run: composing.Run, plainly: composing.Run, what: str
) -> None:
    expected = composing.gradients(trial, sparsified, plainly, "run plainly")
    seen = composing.gradients(trial, sparsified, run, what)
    for name, values in expected.items():
        presume(name in seen, "gradient-missing", f"{what}: backward leaves no gradient of {name}")
        assert_close(seen[name], values, trial.tolerance, "gradient-differs", f"{what}: gradient of {name}")


@case("COMPOSE-09", compares="the output or the gradients")
def test_transforms_compute_with_the_sparse_weights(trial: Trial) -> None:
    sparsified = trial.sparsified()
    with composing.errors_allowed(f"{trial.cell.layer} of torch.func"):
        for what, seen, expected in composing.transformed(trial, sparsified.model):
            assert_close(seen, expected, trial.tolerance, "output-differs", what)


@case("COMPOSE-10")
def test_average_made_after_an_update_is_sparse(trial: Trial) -> None:
    sparsified, kind = trial.sparsified(), trial.cell.layer
    _train(trial, sparsified)
    averaged = composing.average_of(sparsified.model, kind)
    first = _arrays(trial, trial.used_weights(sparsified.model))
    _train(trial, sparsified)
    averaged.update_parameters(sparsified.model)
    second = _arrays(trial, trial.used_weights(sparsified.model))
    share, masks = composing.weight_of_the_first(kind), reported_masks(trial, sparsified)
    used = trial.used_weights(averaged.module)
    for name, mask in masks.items():
        expected = np.where(mask, share * first[name] + (1 - share) * second[name], 0.0)
        assert_close(used[name], expected, trial.tolerance, "average-differs", f"{name} in an average ({kind})")


def _train(trial: Trial, sparsified: Sparsified) -> None:
    optimizer = torch.optim.SGD(sparsified.model.parameters(), lr=0.1)
    sparsified.train(trial.batches(2, "lesson"), functional.mse_loss, optimizer)


@case("COMPOSE-11", compares="the averages")
def test_average_across_the_first_update_is_as_declared(trial: Trial) -> None:
    without, averaged = (composing.observed_average(trial, kind) for kind in ("ema", "ema-buffers"))
    seen = without if without in (averaged, "error") else f"{without} without buffers"
    message = f"an average across the first update is {without}, and {averaged} if it averages buffers"
    declared = trial.contract.averages
    require(seen == declared, "average-otherwise", f"{message}; averages={declared!r} is declared")
