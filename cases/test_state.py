"""STATE: saving, restoring, copying and casting a sparse model."""

import copy
import pickle

from sparsecheck import Saved, Sparsified, Trial, case, require
from sparsecheck.oracle import flatten
from sparsecheck.oracle.compare import array, assert_equal, assert_no_shared_storage
from sparsecheck.trials import device_moves, flags, restoring
from sparsecheck.trials.baseline import Baseline, reported_masks
from sparsecheck.trials.fresh_process import restore_in_fresh_process
from sparsecheck.trials.places import buffer
from sparsecheck.trials.refusal import assert_never_wrong, has_changed
from sparsecheck.trials.restoring import all_tensors, load_strictly, parts, with_axes
from sparsecheck.trials.snapshot import Snapshot, model_tensors
from sparsecheck.trials.training import raised_level, train, train_and_update, train_plain


@case("STATE-01")
def test_restored_model_equals_the_saved_one(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    restored = trial.restore(sparsified.save())
    baseline.assert_matches(restored, "restored onto a dense model")


@case("STATE-02")
def test_model_restored_in_a_fresh_interpreter_equals_the_saved_one(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    seen = restore_in_fresh_process(trial, sparsified.save())
    seen.assert_matches(baseline, "restored in a fresh interpreter")


@case("STATE-03")
def test_state_dict_loads_strictly_into_its_own_model(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    state = copy.deepcopy(sparsified.model.state_dict())
    train(trial, sparsified)
    load_strictly(sparsified.model, state, "the model's own earlier state dict")
    baseline.assert_matches(sparsified, "after training and loading its own earlier state dict")


@case("STATE-04")
def test_masks_are_stored_where_declared(trial: Trial) -> None:
    sparsified = trial.sparsified()
    masks, saved = reported_masks(trial, sparsified), sparsified.save()
    for part in restoring.PARTS:
        restored = restoring.restore_from_part(trial, saved, part)
        carried = part in restoring.CARRIERS[trial.contract.mask_storage]
        judge = restoring.assert_masks_carried if carried else restoring.assert_masks_not_carried
        judge(trial, restored, masks, f"restored from the saved {part} alone")


@case("STATE-05")
def test_saved_state_can_be_restored_twice(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline, saved = Baseline.of(trial, sparsified), sparsified.save()
    for time in ("first", "second"):
        baseline.assert_matches(restoring.resume(trial, saved), f"restored for the {time} time from a saved state")


@case("STATE-06")
def test_training_a_restored_model_changes_neither_original_nor_saved_state(trial: Trial) -> None:
    original = trial.sparsified()
    saved = original.save()
    before, copied = Snapshot(trial, original), flatten.copy_leaves(parts(saved))
    train_and_update(trial, trial.restore(saved))
    what = "the saved state after training the restored model"
    flatten.assert_unchanged(parts(saved), copied, "saved-changed", what)
    before.assert_unchanged(original, "the original after training and updating the restored model")


@case("STATE-07", compares="the storage of every tensor")
def test_restored_model_shares_no_storage(trial: Trial) -> None:
    original = trial.sparsified()
    saved = original.save()
    stored = flatten.tensors(parts(saved))
    restored = trial.restore(saved)
    assert_no_shared_storage(all_tensors(restored), stored, "restored model and saved state")
    assert_no_shared_storage(all_tensors(restored), all_tensors(original), "restored model and original")


@case("STATE-08")
def test_restored_model_can_be_saved_and_restored_again(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    first = restoring.resume(trial, sparsified.save())
    second = restoring.resume(trial, first.save())
    baseline.assert_matches(second, "restored from the state that a restored run saved")


@case("STATE-09")
def test_saved_sidecar_is_a_snapshot(trial: Trial) -> None:
    sparsified = trial.sparsified()
    before = Snapshot(trial, sparsified)
    saved = sparsified.save()
    before.assert_unchanged(sparsified, "the model after saving")
    copied = flatten.copy_leaves(saved.sidecar)
    train_and_update(trial, sparsified)
    flatten.assert_unchanged(saved.sidecar, copied, "saved-changed", "the saved sidecar after training and an update")


@case("STATE-10", compares="the refusal")
def test_state_of_other_shapes_is_refused(trial: Trial) -> None:
    foreign = restoring.state_of_other_shapes(trial)
    restoring.assert_state_refused(trial, foreign, "a state saved from weights of other shapes")
    if "sidecar" in restoring.CARRIERS[trial.contract.mask_storage]:
        own = trial.sparsified().save()
        mixed = Saved(own.model, foreign.sidecar)
        restoring.assert_state_refused(trial, mixed, "a sidecar saved from weights of other shapes")


@case("STATE-11")
def test_saved_state_loads_with_weights_only(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline, saved = Baseline.of(trial, sparsified), sparsified.save()
    loaded = Saved(*(restoring.reload_safely(part, f"the saved {name}") for name, part in parts(saved).items()))
    baseline.assert_matches(trial.restore(loaded), "restored from files loaded with weights_only=True")


@case("STATE-12")
def test_finalized_state_dict_loads_into_the_dense_model(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    dense = trial.dense_model("other")
    load_strictly(dense, sparsified.finalize().state_dict(), "the finalized model's state dict in the dense model")
    baseline.assert_model(dense, "the dense model with the finalized state dict")


@case("STATE-13")
def test_cast_keeps_the_masks(trial: Trial) -> None:
    built = with_axes(trial, dtype=restoring.dtype_to_cast_from(trial))
    sparsified = built.sparsified()
    baseline = Baseline.of(built, sparsified).cast(trial)
    sparsified.model.to(trial.dtype)
    baseline.assert_matches(sparsified, f"cast from {built.dtype} to {trial.dtype}")
    if trial.supports("reupdate"):
        sparsified.update()
        baseline.assert_updated(sparsified, f"cast from {built.dtype} to {trial.dtype} and updated")


@case("STATE-14")
def test_deep_copy_is_equal_and_independent(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline, before = Baseline.of(trial, sparsified), Snapshot(trial, sparsified)
    sparsified.model(trial.inputs("forward, for its gradients"))
    twin = copy.deepcopy(sparsified.model)
    baseline.assert_model(twin, "the deep copy")
    assert_no_shared_storage(model_tensors(twin), model_tensors(sparsified.model), "the deep copy and its original")
    train_plain(trial, twin)
    before.assert_unchanged(sparsified, "the original after training its deep copy")


@case("STATE-15")
def test_update_after_restore_gives_the_masks_of_the_original(trial: Trial) -> None:
    original = trial.sparsified()
    restored = trial.restore(original.save())
    train(trial, original)
    train(trial, restored)
    trial.assert_masks(restored, trial.masks(original), "restored, and trained as the original")
    for level in (raised_level(trial), None):
        restored.update(level)
        seen = trial.masks(restored)
        original.update(level)
        for name, mask in reported_masks(trial, original).items():
            what = f"restored, trained and updated as the original: mask of {name}"
            assert_equal(seen[name], mask, "mask-differs", what)


@case("STATE-16")
def test_model_moves_to_another_device_and_back(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    for device in device_moves.device_route(trial):
        there = with_axes(trial, device=device)
        sparsified.model.to(there.device)
        device_moves.assert_on_device(there, sparsified, baseline)


@case("STATE-17")
def test_state_saved_after_a_cast_has_the_current_masks(trial: Trial) -> None:
    built = with_axes(trial, dtype=restoring.dtype_to_cast_from(trial))
    sparsified = built.attach()
    sparsified.model.to(trial.dtype)
    sparsified.update()
    baseline = Baseline.of(trial, sparsified)
    baseline.require_sparse("attached, cast and updated")
    restored = restoring.resume(trial, sparsified.save())
    baseline.assert_matches(restored, f"attached, cast to {trial.dtype}, updated, saved and restored")


@case("STATE-18", compares="the model that restore returns")
def test_restore_builds_on_the_declared_model(trial: Trial) -> None:
    seen, declared = restoring.detect_restore_target(trial, trial.sparsified().save()), trial.contract.restores_into
    message = f"restore builds on a model of kind {seen!r}, but restores_into={declared!r} is declared"
    require(seen == declared, "restored-otherwise", message)


@case("STATE-19", compares="the flags")
def test_restore_keeps_flags(trial: Trial) -> None:
    saved, model = trial.sparsified().save(), trial.dense_model("restored")
    expected, parameters = flags.set_unusual(model), dict(model.named_parameters())
    restored = trial.restore(saved, model)
    planned = trial.dense_weights(restored, parameters)
    seen = flags.read(restored.model) | {f"{name}.requires_grad": one.requires_grad for name, one in planned.items()}
    flags.assert_same(seen, expected, "flag-changed", "after restore")


@case("STATE-20")
def test_state_saved_after_training_is_restored_as_trained(trial: Trial) -> None:
    sparsified = trial.sparsified()
    train(trial, sparsified)
    masks = reported_masks(trial, sparsified)
    used = {name: array(weight).copy() for name, weight in trial.used_weights(sparsified.model).items()}
    restored = restoring.resume(trial, sparsified.save())
    trial.assert_masks(restored, masks, "trained, saved and restored")
    trial.assert_used_weights(restored.model, used, "trained, saved and restored")


@case("STATE-21", compares="the buffers")
def test_statistics_are_restored(trial: Trial) -> None:
    names = [name for name, _ in trial.dense_model().named_buffers()]
    original = trial.sparsified()
    train(trial, original)
    expected = {name: buffer(trial, original.model, name, "attach, update and training").clone() for name in names}
    restored = trial.restore(original.save())
    for name, saved in expected.items():
        seen, what = buffer(trial, restored.model, name, "restore"), f"restored: the dense model's buffer {name}"
        assert_equal(seen, saved, "buffer-differs", what)


@case("STATE-22", compares="the model, and the output if there is one")
def test_a_pickled_model_is_never_wrong(trial: Trial) -> None:
    def go_through(sparsified: Sparsified, baseline: Baseline) -> None:
        baseline.assert_model(pickle.loads(pickle.dumps(sparsified.model)), "pickled and unpickled")

    assert_never_wrong(trial, go_through)


@case("STATE-30", compares="the output")
def test_state_saved_after_finalize_is_never_wrong(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    final, made = sparsified.finalize(), list[Sparsified]()

    def save_and_restore() -> None:
        made.append(trial.restore_without_update(sparsified.save()))

    words = ("final", "save", *(word for name in trial.plan.names for word in (name, name.rpartition(".")[0])))
    call = "saving or restoring after finalize"
    require(not has_changed(save_and_restore, final, words, call), "finalized-changed", f"{call} has changed the model")
    for restored in made:
        baseline.assert_output(restored.model, "restored from a state that was saved after finalize")


@case("STATE-31")
def test_assigned_state_is_used_and_updated(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    state = copy.deepcopy(sparsified.model.state_dict())
    train(trial, sparsified)
    sparsified.model.load_state_dict(state, strict=False, assign=True)
    baseline.assert_matches(sparsified, "after training and load_state_dict(assign=True) of an earlier state")
    if trial.supports("reupdate"):
        sparsified.update(raised_level(trial))
        baseline.assert_updated(sparsified, "updated after load_state_dict(assign=True)")
