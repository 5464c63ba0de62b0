"""LIFE: unusual orders of calls, copies, second sparsifiers, and memory."""

import copy
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from sparsecheck import Plan, Sparsified, Trial, case, require
from sparsecheck.adapter.holders import split_name
from sparsecheck.oracle import flatten
from sparsecheck.oracle.compare import array, assert_close, assert_equal
from sparsecheck.trials import ending, interrupting, memory, pickling, places, threads
from sparsecheck.trials.baseline import BATCHES, Baseline, assert_removed_are_zero, reported_masks
from sparsecheck.trials.interrupting import Stops
from sparsecheck.trials.refusal import refusal_of
from sparsecheck.trials.restoring import parts
from sparsecheck.trials.threads import Reader
from sparsecheck.trials.training import raised_level
from sparsecheck.trials.type_checks import copied_by
from sparsecheck.values.violation import Violation, presume


@case("LIFE-01")
def test_frozen_model_is_sparsified_like_any_other(trial: Trial) -> None:
    trial.guard.seed()
    expected, model, made = trial.masks(trial.sparsified()), trial.dense_model(), list[Sparsified]()
    model.requires_grad_(False)

    def attach_and_update() -> None:
        trial.guard.seed()
        made.append(trial.attach(model))
        made[-1].update()

    words = ("frozen", "requires_grad", "gradient")
    if refusal_of(attach_and_update, model, words, "attach and update of a frozen model") is None:
        masks = trial.masks(made[-1])
        for name in trial.plan.names:
            what = f"every parameter is frozen: mask of {name}"
            presume(name in masks, "mask-missing", f"{what}: there is none")
            assert_equal(masks[name], expected[name], "mask-differs", what)


@case("LIFE-02", compares="the output")
def test_finalize_before_the_first_update_keeps_the_output(trial: Trial) -> None:
    sparsified, final = trial.attach(), list[nn.Module]()
    expected = _output(trial, sparsified.model)
    words = ("update", "final", "mask", "prun", "step", "a parametrization", *trial.plan.names)
    call = "finalize before the first update"
    refused = refusal_of(lambda: final.append(sparsified.finalize()), sparsified.model, words, call)
    seen = _output(trial, sparsified.model if refused else final[0])
    assert_close(seen, expected, trial.tolerance, "output-differs", f"the output after {call}")


def _output(trial: Trial, model: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        output: torch.Tensor = model(trial.inputs("fresh"))
    return output.clone()


@case("LIFE-03")
def test_level_outside_0_to_1_is_refused(trial: Trial) -> None:
    sparsified = trial.sparsified()
    masks = {name: mask.copy() for name, mask in trial.masks(sparsified).items()}
    for level in (1.5, -0.25, float("nan")):
        words = ("level", "fraction", "amount", "ratio", "sparsity", str(level), str(level * 100))
        call = f"an update to the level {level}"
        refused = refusal_of(partial(sparsified.update, level), sparsified.model, words, call)
        message = f"{call}, which is no fraction of {', '.join(trial.plan.names)}, went through"
        require(refused is not None, "not-refused", message)
        for name, mask in trial.masks(sparsified).items():
            assert_equal(mask, masks[name], "mask-differs", f"mask of {name} after {call} was refused")


@case("LIFE-04", compares="the masks and weights of both")
def test_two_sparsifiers_keep_to_their_own_layers(trial: Trial) -> None:
    (first, *rest), patterns = trial.plan.names, trial.plan.patterns
    both = [Plan({name: patterns[name] for name in names}) for names in ([first], rest)]
    one, made = trial.attach(plan=both[0]), list[Sparsified]()
    one.update()
    earlier = {name: mask.clone() for name, mask in one.masks().items()}
    words, call = (*trial.plan.names, "already", "sparsified"), "a second sparsifier on other layers"

    def attach_and_update() -> None:
        other = trial.attach(one.model, both[1])
        other.update()
        made.append(other)

    refused = refusal_of(attach_and_update, one.model, words, call)
    for other in made:
        _assert_own_masks(trial, {0: one, 1: other}, other.model, f"after {call}")
        assert_equal(one.masks()[first], earlier[first], "mask-differs", f"{call}: mask of {first}, of the first one")
        trial.update_again(one)
        _assert_own_masks(trial, {0: one, 1: other}, other.model, "after a further update of the first one")
        sparse = trial.effective_parameters(other.model)
        one.finalize()
        trial.assert_used_weights(other.model, sparse, "after the first one was finalized")
        trial.update_again(other)
        _assert_own_masks(trial, {1: other}, other.model, "after the first one was finalized and the other updated")
        sparse = trial.effective_parameters(other.model)
        trial.assert_used_weights(other.finalize(), sparse, "after both were finalized")
    if refused is not None:
        require(True, "refusal-unnamed", f"{call} is refused: {refused}")


def _assert_own_masks(trial: Trial, them: dict[int, Sparsified], model: nn.Module, what: str) -> None:
    (first, *rest) = trial.plan.names
    for position, sparsified in them.items():
        masks, own = trial.masks(sparsified), [first] if position == 0 else rest
        for name in own:
            presume(name in masks, "mask-missing", f"{what}: there is no mask of {name}")
            presume(not masks[name].all(), "plan-not-applied", f"{what}: the mask of {name} keeps all")
        assert_removed_are_zero(trial, model, {name: masks[name] for name in own}, what)


@case("LIFE-05", compares="the replaced layer")
def test_replaced_layer_is_sparsified_or_an_error(trial: Trial) -> None:
    sparsified, name = trial.sparsified(), trial.plan.names[-1]
    layer = split_name(name)[0]
    holder = places.layer(trial, sparsified.model, split_name(layer)[0])
    presume(hasattr(holder, split_name(layer)[1]), "layer-gone", f"the sparse model has no layer {layer}")
    dense = trial.dense_model("replaced").get_submodule(layer)
    setattr(holder, split_name(layer)[1], dense)
    expected, call = array(dense.get_parameter("weight")).copy(), f"an update after {layer} was replaced by a dense one"
    try:
        sparsified.update()
    except Exception as error:
        require(True, "replaced-dense", f"{call} raises {type(error).__name__}")
        return
    used = trial.used_weights(sparsified.model)[name]
    message = f"{call} raises nothing, and forward uses the dense {name}"
    require(not np.array_equal(array(used), expected), "replaced-dense", message)
    assert_removed_are_zero(trial, sparsified.model, reported_masks(trial, sparsified), call)


@case("LIFE-06")
def test_deep_copy_of_a_sparsifier_is_one_of_its_own(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    try:
        copied = copy.deepcopy(sparsified)
    except Exception as error:
        require(True, "update-broken", f"of {', '.join(trial.plan.names)}: deepcopy raises {type(error).__name__}")
        return
    _assert_of_its_own(trial, sparsified, copied, baseline, "deepcopy", "deep copy")


def _assert_of_its_own(
    trial: Trial, sparsified: Sparsified, copied: Sparsified, baseline: Baseline, call: str, copy_: str
) -> None:
    baseline.assert_matches(copied, f"the {copy_} of a sparsifier")
    _update(copied, raised_level(trial), f"{call} raises nothing, but an update of the copy")
    baseline.assert_updated(copied, f"the {copy_} of a sparsifier, updated")
    baseline.assert_matches(sparsified, f"a sparsifier after its {copy_} was updated")
    updated = Baseline.of(trial, copied)
    sparsified.update(raised_level(trial))
    updated.assert_matches(copied, f"the {copy_} of a sparsifier, after the original was updated")


def _update(sparsified: Sparsified, level: float | None, what: str) -> None:
    try:
        sparsified.update(level)
    except Exception as error:
        raise Violation("update-broken", f"{what} raises {type(error).__name__}: {error}") from error


@case("LIFE-07")
def test_further_updates_need_no_further_memory(trial: Trial) -> None:
    memory.rehearse(trial)
    with memory.counted():
        sparsified = trial.sparsified()
        trial.update_again(sparsified)
        sizes = [memory.held(trial)]
        for _ in range(3):
            sparsified.update()
            sizes.append(memory.held(trial))
    shown, names = ", ".join(map(str, sizes)), ", ".join(trial.plan.names)
    message = f"tensors hold {shown} bytes before three further updates and after each; planned are {names}"
    require(any(now <= before for before, now in pairwise(sizes)), "grows", message)


@case("LIFE-08")
def test_saved_state_is_no_larger_than_needed(trial: Trial) -> None:
    model = trial.dense_model()
    bound = memory.of_model(model) + 2 * memory.of_planned(trial, model)
    saved = parts(trial.sparsified(model).save())
    seen = sum(memory.size(flatten.tensors(part).values()) for part in saved.values())
    memory.assert_within(trial, seen, bound, "too-large", "the tensors of a saved state have")


@case("LIFE-09")
def test_attached_model_holds_no_more_memory_than_needed(trial: Trial) -> None:
    memory.rehearse(trial)
    with memory.counted():
        model = trial.dense_model()
        bound = memory.of_model(model) + 2 * memory.of_planned(trial, model)
        sparsified = memory.attached(trial, model)
        if trial.contract.attaches == "copy":
            del model
        seen = memory.held(trial)
        del sparsified
    memory.assert_within(trial, seen, bound, "too-large", "an attached model holds")


@case("LIFE-10")
def test_finalized_model_is_all_that_is_left(trial: Trial) -> None:
    memory.rehearse(trial)
    with memory.counted():
        sparsified = memory.attached(trial, trial.dense_model())
        final = sparsified.finalize()
        del sparsified
        seen, bound = memory.held(trial), memory.of_model(final)
    what = "once the finalized model is all that is kept, tensors hold"
    memory.assert_within(trial, seen, bound, "not-freed", what)


@case("LIFE-11")
def test_interrupted_update_leaves_no_untrue_mask(trial: Trial) -> None:
    level, sparsified = raised_level(trial), trial.sparsified()
    count = interrupting.operators_of(lambda: sparsified.update(level), trial.guard)
    for part, words in ((1, "a quarter"), (2, "half"), (3, "three quarters")):
        sparsified = trial.sparsified()
        baseline, what = Baseline.of(trial, sparsified), f"an update that was interrupted after {words}"
        interrupting.interrupt(partial(sparsified.update, level), part * count // 4, trial.guard)
        _update(sparsified, level, f"{what}, and another one: it")
        baseline.assert_updated(sparsified, f"{what}, and another one")


@case("LIFE-12", compares="the weights, if the model could be pickled")
def test_pickled_model_trains_as_the_original(trial: Trial) -> None:
    for how, through in (("pickled", pickling.unpickled), ("saved whole by torch.save", pickling.saved_whole)):
        sparsified, what = trial.sparsified(), f"a model that was {how}"
        baseline = Baseline.of(trial, sparsified)
        with pickling.errors_if_undeclared(trial, ("model", "sparsifier"), f"a model that is {how}"):
            sparsified.model(trial.inputs())
            copied = through(sparsified.model)
            baseline.assert_model(copied, what)
            seen = pickling.trained_alone(trial, copied)
            baseline.assert_model(sparsified.model, f"the original after the training of {what}")
            expected = pickling.trained_alone(trial, sparsified.model)
            for name, weight in seen.items():
                assert_close(weight, expected[name], trial.tolerance, "weight-differs", f"{what} and trained: {name}")


@case("LIFE-13", compares="the weights, if the model could be sent")
def test_model_in_a_spawned_process_is_the_same(trial: Trial) -> None:
    trial.guard.seed()
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    what = "a model that is sent to a spawned process"
    with pickling.errors_if_undeclared(trial, ("model", "sparsifier"), what):
        sparsified.model(trial.inputs())
        seen = pickling.lived_in_spawned_process(trial, sparsified.model)
        trial.guard.seed()
        expected = pickling.trained_alone(trial, trial.sparsified().model)
        assert_close(seen["output"], baseline.outputs[BATCHES[0]], trial.tolerance, "output-differs", f"{what}: output")
        for name, weight in expected.items():
            used = seen[f"used {name}"]
            assert_equal(used, baseline.parameters[name], "weight-differs", f"{what}: {name} as used in forward")
            trained = seen[f"trained {name}"]
            assert_close(trained, weight, trial.tolerance, "weight-differs", f"{what} and trained there: {name}")


@case("LIFE-14", compares="the sparsifiers, if there are two")
def test_pickled_sparsifier_is_one_of_its_own(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline, what = Baseline.of(trial, sparsified), "a sparsifier that is pickled"
    with pickling.errors_if_undeclared(trial, ("sparsifier",), what):
        copied = copied_by(pickling.unpickled, sparsified)
        _assert_of_its_own(trial, sparsified, copied, baseline, "pickling", "pickled copy")


@case("LIFE-15", compares="the outputs")
def test_forwards_in_two_threads_are_right(trial: Trial) -> None:
    model = trial.sparsified().model
    one, other = trial.inputs("one"), trial.inputs("other")
    expected = [threads.output_of(model, inputs) for inputs in (one, other)]
    count = interrupting.places_of(lambda: partial(threads.output_of, model, one))
    reader = Reader(model, other)
    what = "a forward while another thread runs forward"
    try:
        with Stops(reader.read, threads.spread(count)):
            seen = threads.output_of(model, one)
    except Exception as error:
        raise Violation("torn", f"{what}: {type(error).__name__}: {error}") from error
    assert_close(seen, expected[0], trial.tolerance, "torn", f"{what}: output of the one that was stopped")
    reader.assert_seen(expected[1:], trial.tolerance, what)


@case("LIFE-16", compares="the outputs")
def test_forward_during_an_update_has_the_masks_of_before_or_after(trial: Trial) -> None:
    level = raised_level(trial)
    count = interrupting.places_of(lambda: partial(trial.sparsified().update, level), trial.guard.inside)
    sparsified = trial.sparsified()
    reader = Reader(sparsified.model, trial.inputs("fresh"))
    before = threads.output_of(sparsified.model, reader.inputs)
    with trial.guard.inside(Stops(reader.read, threads.spread(count))):
        sparsified.update(level)
    after = threads.output_of(sparsified.model, reader.inputs)
    moved = not np.array_equal(before, after)
    presume(moved, "update-without-effect", "an update to a higher level left the output as it was")
    what = "a forward in another thread during an update"
    presume(bool(reader.seen), "update-without-effect", f"{what}: there was no moment for it")
    reader.assert_seen((before, after), trial.tolerance, what)


@case("LIFE-17", compares="the models, and the masks if there are any")
def test_call_that_ends_midway_leaves_everything_as_it_was(trial: Trial) -> None:
    for name in trial.contract.undone_calls:
        if name not in ("finalize", "restore") or trial.supports(name):
            ending.assert_undone(trial, name)
