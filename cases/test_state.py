"""STATE: saving, restoring, copying and casting a sparse model."""

import copy

from sparsecheck import Saved, Trial, case, require
from sparsecheck.oracle import flatten
from sparsecheck.oracle.compare import array, assert_equal, assert_no_shared_storage
from sparsecheck.trials import device_moves, flags, restoring
from sparsecheck.trials.baseline import Baseline, reported_masks
from sparsecheck.trials.fresh_process import restore_in_fresh_process
from sparsecheck.trials.restoring import all_tensors, load_strictly, parts, with_axes
from sparsecheck.trials.snapshot import Snapshot, model_tensors
from sparsecheck.trials.training import raised_level, train, train_and_update, train_plain


@case("STATE-01")
def test_restored_is_what_was_saved(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    restored = trial.restore(sparsified.save())
    baseline.assert_matches(restored, "restored onto a dense model")


@case("STATE-02")
def test_restored_in_a_fresh_interpreter_is_what_was_saved(trial: Trial) -> None:
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
    load_strictly(sparsified.model, state, "its own earlier state dict")
    baseline.assert_matches(sparsified, "trained, and its own earlier state dict loaded")


@case("STATE-04")
def test_masks_travel_where_declared(trial: Trial) -> None:
    sparsified = trial.sparsified()
    masks, saved = reported_masks(trial, sparsified), sparsified.save()
    for part in restoring.PARTS:
        restored = restoring.restore_from_part(trial, saved, part)
        carried = part in restoring.CARRIERS[trial.contract.mask_storage]
        judge = restoring.assert_masks_carried if carried else restoring.assert_masks_not_carried
        judge(trial, restored, masks, f"restored from the saved {part} alone")


@case("STATE-05")
def test_one_saved_state_restores_twice(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline, saved = Baseline.of(trial, sparsified), sparsified.save()
    for time in ("first", "second"):
        baseline.assert_matches(restoring.resume(trial, saved), f"restored for the {time} time from one saved state")


@case("STATE-06")
def test_using_what_was_restored_leaves_donor_and_saved_alone(trial: Trial) -> None:
    donor = trial.sparsified()
    saved = donor.save()
    before, copied = Snapshot(trial, donor), flatten.copy_leaves(parts(saved))
    train_and_update(trial, trial.restore(saved))
    what = "the saved state after what was restored was trained"
    flatten.assert_unchanged(parts(saved), copied, "saved-changed", what)
    before.assert_unchanged(donor, "the donor after what was restored was trained and updated")


@case("STATE-07")
def test_restored_shares_no_storage(trial: Trial) -> None:
    donor = trial.sparsified()
    saved = donor.save()
    restored = trial.restore(saved)
    assert_no_shared_storage(all_tensors(restored), flatten.tensors(parts(saved)), "restored and saved")
    assert_no_shared_storage(all_tensors(restored), all_tensors(donor), "restored and donor")


@case("STATE-08")
def test_resume_of_a_resume(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    first = restoring.resume(trial, sparsified.save())
    second = restoring.resume(trial, first.save())
    baseline.assert_matches(second, "restored from what a restored run saved")


@case("STATE-09")
def test_saved_sidecar_is_a_snapshot(trial: Trial) -> None:
    sparsified = trial.sparsified()
    before = Snapshot(trial, sparsified)
    saved = sparsified.save()
    before.assert_unchanged(sparsified, "the model after it was saved")
    copied = flatten.copy_leaves(saved.sidecar)
    train_and_update(trial, sparsified)
    flatten.assert_unchanged(saved.sidecar, copied, "saved-changed", "the saved sidecar after training and an update")


@case("STATE-10")
def test_state_of_another_shape_is_refused(trial: Trial) -> None:
    foreign = restoring.state_of_other_shapes(trial)
    restoring.assert_state_refused(trial, foreign, "a state saved from weights of another shape")
    if "sidecar" in restoring.CARRIERS[trial.contract.mask_storage]:
        own = trial.sparsified().save()
        mixed = Saved(own.model, foreign.sidecar)
        restoring.assert_state_refused(trial, mixed, "a sidecar saved from weights of another shape")


@case("STATE-11")
def test_saved_loads_with_weights_only(trial: Trial) -> None:
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
    baseline.assert_model(dense, "the dense model with the finalized state dict loaded")


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
def test_deep_copy_is_another_like_it(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline, before = Baseline.of(trial, sparsified), Snapshot(trial, sparsified)
    sparsified.model(trial.inputs("forward, for its gradients"))
    twin = copy.deepcopy(sparsified.model)
    baseline.assert_model(twin, "a deep copy")
    assert_no_shared_storage(model_tensors(twin), model_tensors(sparsified.model), "a deep copy and its original")
    train_plain(trial, twin)
    before.assert_unchanged(sparsified, "the original after its deep copy was trained")


@case("STATE-15")
def test_update_after_restore_is_the_donors_next(trial: Trial) -> None:
    donor = trial.sparsified()
    restored = trial.restore(donor.save())
    train(trial, donor)
    train(trial, restored)
    trial.assert_masks(restored, trial.masks(donor), "restored and trained as its donor")
    for level in (raised_level(trial), None):
        restored.update(level)
        seen = trial.masks(restored)
        donor.update(level)
        for name, mask in trial.masks(donor).items():
            what = f"restored, trained and updated as its donor: mask of {name}"
            assert_equal(seen[name], mask, "mask-differs", what)


@case("STATE-16")
def test_moved_to_another_device_and_back(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    for device in device_moves.device_route(trial):
        there = with_axes(trial, device=device)
        sparsified.model.to(there.device)
        device_moves.assert_on_device(there, sparsified, baseline)


@case("STATE-17")
def test_saved_after_a_cast_carries_the_masks_as_they_are(trial: Trial) -> None:
    built = with_axes(trial, dtype=restoring.dtype_to_cast_from(trial))
    sparsified = built.attach()
    sparsified.model.to(trial.dtype)
    sparsified.update()
    baseline = Baseline.of(trial, sparsified)
    baseline.require_sparse("attached, cast and updated")
    restored = restoring.resume(trial, sparsified.save())
    baseline.assert_matches(restored, f"attached, cast to {trial.dtype}, updated, saved and restored")


@case("STATE-18")
def test_restored_into_what_is_declared(trial: Trial) -> None:
    seen, declared = restoring.detect_restore_target(trial, trial.sparsified().save()), trial.contract.restores_into
    message = f"restore builds on a model of kind {seen!r}, but restores_into={declared!r} is declared"
    require(seen == declared, "restored-otherwise", message)


@case("STATE-19")
def test_restore_keeps_flags(trial: Trial) -> None:
    saved, model = trial.sparsified().save(), trial.dense_model("restored")
    expected, parameters = flags.set_unusual(model), dict(model.named_parameters())
    restored = trial.restore(saved, model)
    planned = trial.dense_weights(restored, parameters)
    seen = flags.read(restored.model) | {f"{name}.requires_grad": one.requires_grad for name, one in planned.items()}
    flags.assert_same(seen, expected, "flag-changed", "restore")


@case("STATE-20")
def test_saved_after_training_is_restored_as_trained(trial: Trial) -> None:
    sparsified = trial.sparsified()
    train(trial, sparsified)
    masks = reported_masks(trial, sparsified)
    used = {name: array(weight).copy() for name, weight in trial.used_weights(sparsified.model).items()}
    restored = restoring.resume(trial, sparsified.save())
    trial.assert_masks(restored, masks, "trained, saved and restored")
    trial.assert_used_weights(restored.model, used, "trained, saved and restored")


@case("STATE-21")
def test_statistics_are_restored(trial: Trial) -> None:
    names = [name for name, _ in trial.dense_model().named_buffers()]
    donor = trial.sparsified()
    train(trial, donor)
    expected = {name: donor.model.get_buffer(name).clone() for name in names}
    restored = trial.restore(donor.save())
    for name, buffer in expected.items():
        what = f"restored: the dense model's buffer {name}"
        assert_equal(restored.model.get_buffer(name), buffer, "buffer-differs", what)
