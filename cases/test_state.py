"""STATE: saving, restoring, copying and casting a sparse model."""

import copy

from sparsecheck import Saved, Trial, case, require
from sparsecheck.oracle import flatten
from sparsecheck.oracle.compare import apart, array, equal
from sparsecheck.trials import device_moves, flags, restoring
from sparsecheck.trials.baseline import Baseline, reported
from sparsecheck.trials.fresh_process import restore_elsewhere
from sparsecheck.trials.restoring import at, belongings, load_strictly, parts
from sparsecheck.trials.snapshot import Snapshot, model_tensors
from sparsecheck.trials.training import disturb, learn, learn_alone, raised_level


@case("STATE-01")
def test_restored_is_what_was_saved(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    restored = trial.restore(sparsified.save())
    baseline.judge(restored, "restored onto a dense model")


@case("STATE-02")
def test_restored_in_a_fresh_interpreter_is_what_was_saved(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    seen = restore_elsewhere(trial, sparsified.save())
    seen.judge(baseline, "restored in a fresh interpreter")


@case("STATE-03")
def test_state_dict_loads_strictly_into_its_own_model(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    state = copy.deepcopy(sparsified.model.state_dict())
    learn(trial, sparsified)
    load_strictly(sparsified.model, state, "its own earlier state dict")
    baseline.judge(sparsified, "trained, and its own earlier state dict loaded")


@case("STATE-04")
def test_masks_travel_where_declared(trial: Trial) -> None:
    sparsified = trial.sparsified()
    masks, saved = reported(trial, sparsified), sparsified.save()
    for part in restoring.PARTS:
        restored = restoring.restored_from(trial, saved, part)
        carried = part in restoring.CARRIERS[trial.contract.mask_storage]
        judge = restoring.judge_carried if carried else restoring.judge_not_carried
        judge(trial, restored, masks, f"restored from the saved {part} alone")


@case("STATE-05")
def test_one_saved_state_restores_twice(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline, saved = Baseline.of(trial, sparsified), sparsified.save()
    for time in ("first", "second"):
        baseline.judge(restoring.resume(trial, saved), f"restored for the {time} time from one saved state")


@case("STATE-06")
def test_using_what_was_restored_leaves_donor_and_saved_alone(trial: Trial) -> None:
    donor = trial.sparsified()
    saved = donor.save()
    before, copied = Snapshot(trial, donor), flatten.copied(parts(saved))
    disturb(trial, trial.restore(saved))
    flatten.unchanged(parts(saved), copied, "saved-changed", "the saved state after what was restored was trained")
    before.judge(donor, "the donor after what was restored was trained and updated")


@case("STATE-07")
def test_restored_shares_no_storage(trial: Trial) -> None:
    donor = trial.sparsified()
    saved = donor.save()
    restored = trial.restore(saved)
    apart(belongings(restored), flatten.tensors(parts(saved)), "restored and saved")
    apart(belongings(restored), belongings(donor), "restored and donor")


@case("STATE-08")
def test_resume_of_a_resume(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    first = restoring.resume(trial, sparsified.save())
    second = restoring.resume(trial, first.save())
    baseline.judge(second, "restored from what a restored run saved")


@case("STATE-09")
def test_saved_sidecar_is_a_snapshot(trial: Trial) -> None:
    sparsified = trial.sparsified()
    before = Snapshot(trial, sparsified)
    saved = sparsified.save()
    before.judge(sparsified, "the model after it was saved")
    copied = flatten.copied(saved.sidecar)
    disturb(trial, sparsified)
    flatten.unchanged(saved.sidecar, copied, "saved-changed", "the saved sidecar after training and an update")


@case("STATE-10")
def test_state_of_another_shape_is_refused(trial: Trial) -> None:
    foreign = restoring.foreign_state(trial)
    restoring.judge_refused(trial, foreign, "a state saved from weights of another shape")
    if "sidecar" in restoring.CARRIERS[trial.contract.mask_storage]:
        own = trial.sparsified().save()
        mixed = Saved(own.model, foreign.sidecar)
        restoring.judge_refused(trial, mixed, "a sidecar saved from weights of another shape")


@case("STATE-11")
def test_saved_loads_with_weights_only(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline, saved = Baseline.of(trial, sparsified), sparsified.save()
    loaded = Saved(*(restoring.through_file(part, f"the saved {name}") for name, part in parts(saved).items()))
    baseline.judge(trial.restore(loaded), "restored from files loaded with weights_only=True")


@case("STATE-12")
def test_finalized_state_dict_loads_into_the_dense_model(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    dense = trial.dense_model("other")
    load_strictly(dense, sparsified.finalize().state_dict(), "the finalized model's state dict in the dense model")
    baseline.judge_model(dense, "the dense model with the finalized state dict loaded")


@case("STATE-13")
def test_cast_keeps_the_masks(trial: Trial) -> None:
    built = at(trial, dtype=restoring.cast_from(trial))
    sparsified = built.sparsified()
    baseline = Baseline.of(built, sparsified).cast(trial)
    sparsified.model.to(trial.dtype)
    baseline.judge(sparsified, f"cast from {built.dtype} to {trial.dtype}")
    if trial.supports("reupdate"):
        sparsified.update()
        baseline.judge_updated(sparsified, f"cast from {built.dtype} to {trial.dtype} and updated")


@case("STATE-14")
def test_deep_copy_is_another_like_it(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline, before = Baseline.of(trial, sparsified), Snapshot(trial, sparsified)
    sparsified.model(trial.inputs("forward, for its gradients"))
    twin = copy.deepcopy(sparsified.model)
    baseline.judge_model(twin, "a deep copy")
    apart(model_tensors(twin), model_tensors(sparsified.model), "a deep copy and its original")
    learn_alone(trial, twin)
    before.judge(sparsified, "the original after its deep copy was trained")


@case("STATE-15")
def test_update_after_restore_is_the_donors_next(trial: Trial) -> None:
    donor = trial.sparsified()
    restored = trial.restore(donor.save())
    learn(trial, donor)
    learn(trial, restored)
    trial.judge_masks(restored, trial.masks(donor), "restored and trained as its donor")
    for level in (raised_level(trial), None):
        restored.update(level)
        seen = trial.masks(restored)
        donor.update(level)
        for name, mask in trial.masks(donor).items():
            equal(seen[name], mask, "mask-differs", f"restored, trained and updated as its donor: mask of {name}")


@case("STATE-16")
def test_moved_to_another_device_and_back(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    for device in device_moves.route(trial):
        there = at(trial, device=device)
        sparsified.model.to(there.device)
        device_moves.judge_there(there, sparsified, baseline)


@case("STATE-17")
def test_saved_after_a_cast_carries_the_masks_as_they_are(trial: Trial) -> None:
    built = at(trial, dtype=restoring.cast_from(trial))
    sparsified = built.attach()
    sparsified.model.to(trial.dtype)
    sparsified.update()
    baseline = Baseline.of(trial, sparsified)
    baseline.require_sparse("attached, cast and updated")
    restored = restoring.resume(trial, sparsified.save())
    baseline.judge(restored, f"attached, cast to {trial.dtype}, updated, saved and restored")


@case("STATE-18")
def test_restored_into_what_is_declared(trial: Trial) -> None:
    seen, declared = restoring.builds_on(trial, trial.sparsified().save()), trial.contract.restores_into
    message = f"restore builds on a model of kind {seen!r}, but restores_into={declared!r} is declared"
    require(seen == declared, "restored-otherwise", message)


@case("STATE-19")
def test_restore_keeps_flags(trial: Trial) -> None:
    saved, model = trial.sparsified().save(), trial.dense_model("restored")
    expected, parameters = flags.unusual(model), dict(model.named_parameters())
    restored = trial.restore(saved, model)
    planned = trial.dense_weights(restored, parameters)
    seen = flags.read(restored.model) | {f"{name}.requires_grad": one.requires_grad for name, one in planned.items()}
    flags.same(seen, expected, "flag-changed", "restore")


@case("STATE-20")
def test_saved_after_training_is_restored_as_trained(trial: Trial) -> None:
    sparsified = trial.sparsified()
    learn(trial, sparsified)
    masks = reported(trial, sparsified)
    used = {name: array(weight).copy() for name, weight in trial.used(sparsified.model).items()}
    restored = restoring.resume(trial, sparsified.save())
    trial.judge_masks(restored, masks, "trained, saved and restored")
    trial.judge_used(restored.model, used, "trained, saved and restored")


@case("STATE-21")
def test_statistics_are_restored(trial: Trial) -> None:
    names = [name for name, _ in trial.dense_model().named_buffers()]
    donor = trial.sparsified()
    learn(trial, donor)
    expected = {name: donor.model.get_buffer(name).clone() for name in names}
    restored = trial.restore(donor.save())
    for name, buffer in expected.items():
        equal(restored.model.get_buffer(name), buffer, "buffer-differs", f"restored: the dense model's buffer {name}")
