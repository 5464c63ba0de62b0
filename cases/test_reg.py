"""REG: how a sparsifier registers itself on a model, and how it removes itself again."""

import gc
import weakref
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sparsecheck import Given, Plan, Sparsified, Trial, case, require
from sparsecheck.oracle.compare import array, assert_close, assert_equal, assert_no_shared_storage, assert_same_state
from sparsecheck.oracle.networks import network
from sparsecheck.trials import flags, lending, places, user_hooks
from sparsecheck.trials.baseline import assert_removed_are_zero, reported_masks
from sparsecheck.trials.models import layer_inputs
from sparsecheck.trials.modules import (
    assert_same_modules,
    describe_modules,
    detect_holder,
    require_plain_parameter,
    unregistered_tensors,
)
from sparsecheck.trials.refusal import assert_plan_refused, has_changed, refusal_of
from sparsecheck.trials.snapshot import Untouched, model_tensors
from sparsecheck.trials.training import train
from sparsecheck.trials.used_weights import gradient, read_submodule_weight
from sparsecheck.values.violation import presume


@case("REG-01")
def test_only_planned_layers_hold_masks_and_as_declared(trial: Trial) -> None:
    types = {name: type(module) for name, module in trial.dense_model().named_modules()}
    sparsified = trial.sparsified()
    masks, declared = trial.masks(sparsified), trial.contract.holds
    for layer in trial.network.weighted:
        if layer.weight in trial.plan.names:
            how = detect_holder(sparsified.model, layer.weight, types[layer.name], masks[layer.weight])
            message = f"the mask of {layer.weight} is held by {how}, expected {declared} as declared"
            require(how == declared, "held-otherwise", message)
        elif declared != "wrapper":
            require_plain_parameter(sparsified.model, layer.weight, f"unplanned {layer.weight}")


@case("REG-02")
def test_dense_weight_is_preserved(trial: Trial) -> None:
    model = trial.dense_model()
    parameters = dict(model.named_parameters())
    dense = {name: parameters[name].detach().clone() for name in trial.plan.names}
    kept = trial.dense_weights(trial.sparsified(model), parameters)
    assert_same_state(kept, dense, "dense-differs", "dense weights after update")


@case("REG-03")
def test_requires_grad_stays_unchanged(trial: Trial) -> None:
    model = trial.dense_model()
    parameters = dict(model.named_parameters())
    expected = {name: position % 2 == 1 for position, name in enumerate(parameters)}
    for name, trains in expected.items():
        parameters[name].requires_grad_(trains)
    sparsified = trial.sparsified(model)
    for name, parameter in _live(trial, sparsified, parameters).items():
        seen = parameter.requires_grad
        require(seen == expected[name], "frozen-differs", f"{name} has requires_grad={seen}, expected {expected[name]}")
    trainable = sum(parameter.requires_grad for parameter in sparsified.model.parameters())
    message = f"{trainable} parameters of the sparse model are trainable, expected {sum(expected.values())}"
    require(trainable == sum(expected.values()), "frozen-differs", message)


def _live(
    trial: Trial, sparsified: Sparsified, before: dict[str, nn.Parameter]
) -> dict[str, nn.Parameter]:
    return places.live_parameters(trial, sparsified, before) | trial.dense_weights(sparsified, before)


@case("REG-04")
def test_parameters_stay_the_same_objects(trial: Trial) -> None:
    sparsified, held = places.sparsified_from(trial, lambda model: dict(model.named_parameters()))
    names = {id(parameter): name for name, parameter in held.items()}
    trial.update_again(sparsified)
    now = [names[id(parameter)] for parameter in sparsified.model.parameters() if id(parameter) in names]
    for name in names.values():
        message = f"{name} is no longer a parameter of the model: an optimizer that holds it trains it in vain"
        require(name in now, "identity-lost", message)
    order, before = ([name for name in names_of if name not in trial.plan.names] for names_of in (now, names.values()))
    message = f"the unplanned parameters are in the order {', '.join(order)}, expected {', '.join(before)}"
    require(order == before, "order-differs", message)


@case("REG-05", compares="the number of parameters")
def test_masks_are_not_parameters(trial: Trial) -> None:
    expected = len(list(trial.dense_model().parameters()))
    model = trial.sparsified().model
    seen = [name for name, _ in model.named_parameters()]
    message = f"the sparse model has {len(seen)} parameters, expected {expected}: {', '.join(seen)}"
    require(len(seen) == expected, "parameters-differ", message)
    for name in trial.plan.names if trial.contract.holds == "parametrization" else ():
        loose = ", ".join(unregistered_tensors(model, name))
        message = f"the parametrization of {name} holds tensors that are not buffers, so that .to skips them: {loose}"
        require(not loose, "mask-loose", message)


@case("REG-06", compares="the hooks that ran")
def test_forward_hooks_still_run(trial: Trial) -> None:
    model, ran = trial.dense_model(), list[str]()
    layer = trial.plan.names[0].rpartition(".")[0]
    model.get_submodule(layer).register_forward_pre_hook(lambda *_: ran.append("a pre-hook"))
    for number in ("first", "second"):
        model.get_submodule(layer).register_forward_hook(lambda *_, number=number: ran.append(f"the {number} hook"))
    sparsified = trial.sparsified(model)
    ran.clear()
    sparsified.model(trial.inputs())
    expected = ["a pre-hook", "the first hook", "the second hook"]
    message = f"of a user's hooks on {layer} a forward ran {', '.join(ran) or 'none'}, expected {', '.join(expected)}"
    require(ran == expected, "hooks-differ", message)


@case("REG-07", compares="the flags")
def test_train_and_eval_flags_stay_unchanged(trial: Trial) -> None:
    for every_third in (True, False):
        model = trial.dense_model().eval()
        modules = dict(model.named_modules())
        for position, module in enumerate(modules.values()):
            module.training = every_third and position % 3 == 0
        expected = {name: module.training for name, module in modules.items()}
        sparsified = trial.sparsified(model)
        for name, module in (modules | dict(sparsified.model.named_modules())).items():
            before = expected.get(name, module.training)
            message = f"after attach and update {name or 'the model'} has training={module.training}, expected {before}"
            require(module.training == before, "flag-changed", message)


@case("REG-08")
def test_attaching_twice_equals_attaching_once_or_is_refused(trial: Trial) -> None:
    trial.guard.seed()
    once = trial.sparsified()
    dense = trial.dense_parameters()
    trial.guard.seed()
    first, again = trial.attach(), list[Sparsified]()
    words = (*trial.plan.names, "already", "twice")
    refusal_of(lambda: again.append(trial.attach(first.model)), first.model, words, "attaching twice")
    trial.guard.seed()
    [twice] = again or [first]
    twice.update()
    trial.assert_plan_applied(twice, dense)
    trial.assert_masks(twice, trial.masks(once), "attached twice")
    trial.assert_used_weights(twice.model, trial.effective_parameters(once.model), "attached twice")
    assert_same_modules(describe_modules(twice.model), describe_modules(once.model), "attached-twice", "attached twice")


@case("REG-09")
def test_unknown_parameter_is_refused(trial: Trial) -> None:
    pattern = trial.plan.patterns[trial.plan.names[0]]
    layer = trial.plan.names[0].rpartition(".")[0]
    for unknown, words in (("nowhere.weight", ("nowhere",)), (f"{layer}.nothing", ("nothing",))):
        plan = Plan({**trial.plan.patterns, unknown: pattern}, trial.plan.scope)
        assert_plan_refused(trial, trial.dense_model(), plan, words)


@case("REG-10")
def test_tied_weights_stay_tied(trial: Trial) -> None:
    dense = trial.dense_parameters()
    sparsified = trial.sparsified()
    expected = trial.masked(dense, trial.expected_masks(sparsified))
    trial.assert_used_weights(sparsified.model, expected, "after update")
    optimizer = torch.optim.SGD(sparsified.model.parameters(), 0.1)
    sparsified.train(trial.batches(1), functional.mse_loss, optimizer)
    used = trial.used_weights(sparsified.model)
    for name, source in trial.network.tied:
        assert_equal(used[name], used[source], "untied", f"{name}, tied to {source}, after training")
    if trial.supports("finalize"):
        final = dict(sparsified.finalize().named_parameters(remove_duplicate=False))
        for name, source in trial.network.tied:
            require(final[name] is final[source], "untied", f"after finalize {name} is no longer tied to {source}")


@case("REG-11")
def test_given_mask_of_wrong_shape_is_refused(trial: Trial) -> None:
    name, mask = list(trial.planned_masks.items())[-1]
    for wrong in (mask[:1], mask[:, :1], mask[:-1], mask.T):
        plan = Plan({**trial.plan.patterns, name: Given(wrong)}, trial.plan.scope)
        assert_plan_refused(trial, trial.dense_model(), plan, (name,))


@case("REG-12")
def test_finalized_weights_are_plain_and_masked(trial: Trial) -> None:
    sparsified = trial.sparsified()
    expected = trial.effective_parameters(sparsified.model)
    final = sparsified.finalize()
    for name in trial.plan.names:
        weight = require_plain_parameter(final, name, "after finalize")
        require(weight.dtype == trial.dtype, "finalized-differs", f"{name} after finalize is {weight.dtype}")
        assert_equal(weight, expected[name], "finalized-differs", f"{name} after finalize")


@case("REG-13")
def test_finalize_restores_the_modules_of_the_dense_model(trial: Trial) -> None:
    dense = trial.dense_model()
    final = trial.sparsified().finalize()
    assert_same_modules(describe_modules(final), describe_modules(dense), "not-plain", "after finalize")
    seen, expected = (", ".join(sorted(model.state_dict())) for model in (final, dense))
    require(seen == expected, "keys-differ", f"the state dict of the finalized model has {seen}, expected {expected}")


@case("REG-14", compares="the output")
def test_finalize_keeps_the_output(trial: Trial) -> None:
    sparsified = trial.sparsified()
    before = sparsified.model(trial.inputs("fresh")).detach().clone()
    seen = sparsified.finalize()(trial.inputs("fresh"))
    assert_close(seen, before, trial.tolerance, "output-differs", "output after finalize")


@case("REG-15")
def test_planned_layer_called_by_itself_is_as_declared(trial: Trial) -> None:
    model, dense = trial.dense_model(), trial.dense_parameters()
    parameters, modules = dict(model.named_parameters()), dict(model.named_modules())
    sparsified = trial.sparsified(model)
    expected = trial.effective_parameters(sparsified.model) if trial.contract.is_masked_alone else dense
    factor = 2 if trial.contract.trained == "weight" else 1
    for weight in trial.dense_weights(sparsified, parameters).values():
        weight.detach().mul_(factor)
    for layer in trial.network.weighted:
        if layer.weight in trial.plan.names:
            inputs = layer_inputs(layer, trial.cell.requirement, trial.dtype, trial.device)
            used = read_submodule_weight(places.layer(trial, sparsified.model, layer.name, modules), inputs)
            what = f"{layer.weight}, {'doubled, ' * (factor - 1)}as used by its layer called by itself"
            assert_equal(used, factor * expected[layer.weight], "weight-differs", what)


@case("REG-16", compares="the hooks that ran")
def test_finalize_keeps_flags_and_hooks(trial: Trial) -> None:
    model, ran = trial.dense_model(), list[str]()
    expected = flags.set_unusual(model)
    names = [name for name, module in model.named_modules() if not list(module.children())]
    for name in names:
        model.get_submodule(name).register_forward_hook(lambda *_, name=name: ran.append(name))
    final = trial.sparsified(model).finalize()
    flags.assert_same(flags.read(final), expected, "flag-changed", "after finalize")
    ran.clear()
    final(trial.inputs())
    seen, wanted = ", ".join(ran) or "none", ", ".join(names)
    require(ran == names, "hooks-differ", f"after finalize a forward runs a user's hooks on {seen}, expected {wanted}")


@case("REG-17", compares="the gradients")
def test_attach_and_update_leave_no_gradient(trial: Trial) -> None:
    model = trial.sparsified().model
    left = [name for name, one in model.named_parameters() if one.grad is not None and bool(one.grad.any())]
    message = f"attach and update leave gradients, to which the next backward adds: {', '.join(left)}"
    require(not left, "gradient-left", message)


@case("REG-18", compares="the modules that are alive")
def test_unreferenced_model_is_freed(trial: Trial) -> None:
    gc.freeze()  # spares the collector all objects from before
    try:
        sparsified = trial.sparsified()
        sparsified.model(trial.inputs())
        modules = {name or "the model": weakref.ref(module) for name, module in sparsified.model.named_modules()}
        del sparsified
        gc.collect()
    finally:
        gc.unfreeze()
    alive = [name for name, module in modules.items() if module() is not None]
    message = f"{len(alive)} of {len(modules)} modules of an unreferenced model are still alive: {', '.join(alive)}"
    require(not alive, "kept-alive", message)


@case("REG-19")
def test_existing_gradients_stay_unchanged(trial: Trial) -> None:
    def accumulate(model: nn.Module) -> dict[str, nn.Parameter]:
        trial.backward(model)
        parameters = dict(model.named_parameters())
        before.update({name: one.grad.clone() for name, one in parameters.items() if one.grad is not None})
        return parameters

    before = dict[str, Tensor]()
    sparsified, parameters = places.sparsified_from(trial, accumulate)
    now = parameters | dict(sparsified.model.named_parameters()) | trial.dense_weights(sparsified, parameters)
    for name, expected in before.items():
        what = f"gradient of {name}, accumulated before attach"
        assert_equal(gradient(now[name], what), expected, "gradient-changed", what)


@case("REG-20", compares="the hooks that ran")
def test_backward_hooks_still_run(trial: Trial) -> None:
    def watch(model: nn.Module) -> None:
        layer = places.layer(trial, model, name.rpartition(".")[0])
        layer.register_full_backward_hook(lambda *_: ran.append("the layer's"))
        places.trained_parameter(trial, model, name).register_hook(lambda _: ran.append("the weight's"))

    name, ran = trial.plan.names[0], list[str]()
    sparsified, _ = places.sparsified_from(trial, watch)
    ran.clear()
    trial.backward(sparsified.model)
    message = f"of a user's two backward hooks at {name} a backward ran {', '.join(sorted(ran)) or 'none'}"
    require(sorted(ran) == ["the layer's", "the weight's"], "hooks-differ", message)


@case("REG-21")
def test_buffers_stay_unchanged(trial: Trial) -> None:
    model = trial.dense_model()
    before = {name: tensor.clone() for name, tensor in model.named_buffers()}
    dense = trial.dense_parameters()
    sparsified = trial.attach(model)
    sparsified.update()
    for name, tensor in before.items():
        now = places.buffer(trial, sparsified.model, name, "attach and update")
        assert_equal(now, tensor, "buffer-changed", f"the dense model's buffer {name} after attach and update")
    trial.assert_plan_applied(sparsified, dense)


@case("REG-22")
def test_weight_of_unsupported_size_is_refused(trial: Trial) -> None:
    small = trial.with_network(network(trial.cell.layer, "REG-22"), "REG-22")
    for name, pattern in small.plan.patterns.items():
        assert_plan_refused(small, small.dense_model(), Plan({name: pattern}), (name, name.rpartition(".")[0]))


@case("REG-23", compares="the arguments")
def test_arguments_stay_unchanged(trial: Trial) -> None:
    sparsified, batches, inputs = trial.sparsified(), trial.batches(2, "lesson"), trial.inputs("fresh")
    if trial.supports("restore"):
        trial.restore(sparsified.save())
    lending.assert_unchanged(trial)
    sparsified.model(inputs)
    assert_equal(inputs, trial.inputs("fresh"), lending.CHANGED, "after a forward its input")
    sparsified.train(batches, functional.mse_loss, torch.optim.SGD(sparsified.model.parameters(), 0.1))
    lending.assert_same_batches(batches, trial.batches(2, "lesson"), "after training batch")


@case("REG-24", compares="the names")
def test_names_are_kept_or_prefixed_as_declared(trial: Trial) -> None:
    names = places.names_outside(trial.dense_model(), trial.plan.names)
    prefix = places.common_prefix(names, places.all_names(trial.sparsified().model))
    seen = "kept" if prefix == "" else f"prefixed with {prefix!r}" if prefix else "neither kept nor prefixed alike"
    message = f"the names outside the planned layers are {seen}, but names={trial.contract.names!r} is declared"
    require(seen.partition(" ")[0] == trial.contract.names, "names-otherwise", message)


@case("REG-25", compares="the model attached to")
def test_attach_copies_the_model_or_not_as_declared(trial: Trial) -> None:
    model, declared = trial.dense_model(), trial.contract.attaches
    before = Untouched(model)
    sparsified = trial.sparsified(model)
    own = {id(parameter) for parameter in sparsified.model.parameters()}
    seen = "in place" if any(id(parameter) in own for parameter in model.parameters()) else "copy"
    which = "parameters of its own" if seen == "copy" else "parameters of the given model"
    message = f"attach returns a model with {which}, but attaches={declared!r} is declared"
    require(seen == declared, "attached-otherwise", message)
    if declared == "copy":
        train(trial, sparsified)
        before.assert_unchanged("model-changed", "the model attached to, of which attach returns a copy,")
        assert_no_shared_storage(model_tensors(sparsified.model), model_tensors(model), "the copy and the model")


@case("REG-26")
def test_the_trained_parameter_is_as_declared(trial: Trial) -> None:
    model, declared = trial.dense_model(), trial.contract.trained
    parameters = dict(model.named_parameters())
    sparsified = trial.sparsified(model)
    masks, trained = reported_masks(trial, sparsified), trial.dense_weights(sparsified, parameters)
    for weight in trained.values():
        weight.detach().mul_(torch.arange(weight.numel()).remainder(2).add(1).view_as(weight).to(weight))
    used = trial.used_weights(sparsified.model)
    for name, mask in masks.items():
        is_weight = np.array_equal(array(used[name])[mask], array(trained[name])[mask])
        seen = f"the weight in use of {name} is {'' if is_weight else 'not '}the trained parameter at kept entries"
        message = f"{seen}, but trained={declared!r} is declared"
        require(is_weight == (declared == "weight"), "trained-otherwise", message)


@case("REG-30", compares="the hooks that ran")
def test_hooks_of_every_kind_run_before_and_after_finalize(trial: Trial) -> None:
    model, name = trial.dense_model(), trial.plan.names[0]
    ran = user_hooks.register_all(model.get_submodule(name.rpartition(".")[0]), model.get_parameter(name))
    sparsified = trial.sparsified(model)
    for where in ("update", "finalize"):
        seen = sparsified.finalize() if where == "finalize" else sparsified.model
        ran.clear()
        trial.backward(seen)
        seen.load_state_dict(seen.state_dict(), strict=False)
        user_hooks.assert_ran_once(ran, f"after {where}, at {name}")


@case("REG-31", compares="the hooks that ran")
def test_accumulators_keep_their_hooks_if_declared(trial: Trial) -> None:
    model, ran = trial.dense_model(), list[str]()
    parameters, name = dict(model.named_parameters()), trial.plan.names[0]
    early = user_hooks.gradient_accumulator(parameters[name])
    early.register_hook(lambda *_: ran.append("the one from before attach"))
    sparsified = trial.sparsified(model)
    late = user_hooks.gradient_accumulator(trial.dense_weights(sparsified, parameters)[name])
    late.register_hook(lambda *_: ran.append("the one from before finalize"))
    trial.update_again(sparsified)
    kept = _both_ran(trial, sparsified.model, ran) and _both_ran(trial, sparsified.finalize(), ran)
    seen, declared = "kept" if kept else "lost", trial.contract.accumulator_hooks
    message = f"attach, update and finalize: hooks on the accumulator of {name} are {seen}, expected {declared}"
    require(seen == declared, "hooks-differ", message)


def _both_ran(trial: Trial, model: nn.Module, ran: list[str]) -> bool:
    ran.clear()
    trial.backward(model)
    return sorted(ran) == ["the one from before attach", "the one from before finalize"]


@case("REG-32", compares="the finalized model")
def test_finalized_model_is_never_half_sparse(trial: Trial) -> None:
    words = ("final", "mask", "prun", "a parametrization", "sparsif", *trial.plan.names)
    for call in ("update", "finalize"):
        sparsified = trial.sparsified()
        final = sparsified.finalize()
        with torch.no_grad():
            for parameter in final.parameters():
                parameter.copy_(parameter.flip(0))
        if has_changed(getattr(sparsified, call), final, words, f"{call} after finalize"):
            require(call == "update", "finalized-changed", "finalizing the finalized model again has changed it")
            masks = reported_masks(trial, sparsified)
            assert_removed_are_zero(trial, sparsified.model, masks, "finalized and updated")
            sparse = not any(mask.all() for mask in masks.values())
            require(sparse, "finalized-changed", "finalized and updated: the model has changed, but masks() keeps all")


@case("REG-33")
def test_channels_last_is_kept(trial: Trial) -> None:
    model = trial.dense_model()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    parameters = dict(model.named_parameters())
    sparsified = trial.sparsified(model)
    trial.update_again(sparsified)
    _assert_channels_last(trial, trial.dense_weights(sparsified, parameters), "after update")
    if trial.supports("finalize"):
        _assert_channels_last(trial, dict(sparsified.finalize().named_parameters()), "after finalize")


def _assert_channels_last(trial: Trial, parameters: Mapping[str, Tensor], what: str) -> None:
    for name in trial.plan.names:
        presume(name in parameters, "dense-weight-missing", f"{what}: there is no parameter {name}")
        kept = parameters[name].is_contiguous(memory_format=torch.channels_last)
        message = f"{what}: {name} has strides {parameters[name].stride()} and is no longer in channels_last"
        require(kept, "format-differs", message)


@case("REG-34")
def test_finalize_keeps_the_order_of_parameters(trial: Trial) -> None:
    expected = [name for name, _ in trial.dense_model().named_parameters()]
    seen = [name for name, _ in trial.sparsified().finalize().named_parameters()]
    message = f"the finalized model has the parameters {', '.join(seen)}, expected {', '.join(expected)}"
    require(seen == expected, "order-differs", message)
