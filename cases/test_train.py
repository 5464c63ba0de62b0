"""TRAIN: a sparse model stays sparse while it learns."""

import torch

from sparsecheck import Sparsified, Trial, case, require
from sparsecheck.oracle.compare import array, assert_close
from sparsecheck.trials import places, training
from sparsecheck.trials.baseline import assert_removed_are_zero
from sparsecheck.trials.training import BeforeTraining, expected_after_training, train
from sparsecheck.trials.used_weights import gradient
from sparsecheck.values.violation import presume


@case("TRAIN-01")
def test_stays_sparse_under_sgd_with_momentum(trial: Trial) -> None:
    sparsified = trial.sparsified()
    start = BeforeTraining.of(trial, sparsified)
    train(trial, sparsified, training.sgd(sparsified.model.parameters()))
    start.assert_sparse_and_learned(sparsified, "trained by SGD with momentum")


@case("TRAIN-02")
def test_stays_sparse_under_adamw_with_decay(trial: Trial) -> None:
    sparsified = trial.sparsified()
    start = BeforeTraining.of(trial, sparsified)
    train(trial, sparsified, training.adamw(sparsified.model.parameters()))
    start.assert_sparse_and_learned(sparsified, "trained by AdamW with decay")


@case("TRAIN-03")
def test_gradients_accumulate(trial: Trial) -> None:
    sparsified = trial.sparsified()
    plain = trial.plain_model(trial.effective_parameters(sparsified.model))
    expected = {name: -0.5 * gradient for name, gradient in training.summed_gradients(trial, plain).items()}
    start = BeforeTraining.of(trial, sparsified)
    training.summed_gradients(trial, sparsified.model)
    sparsified.step(torch.optim.SGD(sparsified.model.parameters(), lr=0.5))
    start.assert_step(sparsified, expected, "one step by the gradients of two batches")
    start.assert_still_sparse(sparsified, "one step by the gradients of two batches")


@case("TRAIN-04")
def test_stays_sparse_under_autocast(trial: Trial) -> None:
    sparsified = trial.sparsified()
    with torch.autocast(trial.device.type, torch.bfloat16, cache_enabled=False):
        start = BeforeTraining.of(trial, sparsified)
        train(trial, sparsified)
        start.assert_sparse_and_learned(sparsified, "trained under autocast")
        output = sparsified.model(trial.inputs("fresh"))
    message = f"under autocast the output is {output.dtype}, expected {torch.bfloat16}"
    require(output.dtype == torch.bfloat16, "dtype-differs", message)


@case("TRAIN-05")
def test_optimizer_built_before_attach_trains_the_model(trial: Trial) -> None:
    sparsified, optimizer = places.sparsified_from(trial, lambda model: training.sgd(model.parameters()))
    start = BeforeTraining.of(trial, sparsified)
    train(trial, sparsified, optimizer)
    start.assert_sparse_and_learned(sparsified, "trained by an optimizer built before attach")


@case("TRAIN-06")
def test_level_raised_between_steps(trial: Trial) -> None:
    sparsified = trial.sparsified()
    train(trial, sparsified)
    before = trial.masks(sparsified)
    sparsified.update(0.75)
    training.assert_counts_after_update(trial, sparsified, before, 0.75)
    start = BeforeTraining.of(trial, sparsified)
    train(trial, sparsified)
    start.assert_sparse_and_learned(sparsified, "trained on after the level was raised")


@case("TRAIN-07")
def test_finalized_model_is_as_trained(trial: Trial) -> None:
    sparsified = trial.sparsified()
    start = BeforeTraining.of(trial, sparsified)
    train(trial, sparsified)
    start.assert_learned(sparsified, "trained")
    trained = BeforeTraining.of(trial, sparsified).parameters
    final = sparsified.finalize()
    trial.assert_used_weights(final, trained, "finalized after training")
    assert_removed_are_zero(trial, final, start.masks, "finalized after training")


@case("TRAIN-08")
def test_updates_after_training_remove_the_exact_count(trial: Trial) -> None:
    sparsified = trial.sparsified()
    for _ in range(3):
        before = trial.masks(sparsified)
        train(trial, sparsified)
        sparsified.update()
        training.assert_counts_after_update(trial, sparsified, before)


@case("TRAIN-09")
def test_kept_entries_train_as_in_a_plain_model(trial: Trial) -> None:
    model = trial.dense_model()
    parameters = dict(model.named_parameters())
    sparsified = trial.sparsified(model)
    expected = expected_after_training(trial, sparsified)
    train(trial, sparsified)
    seen = places.live_parameters(trial, sparsified, parameters) | trial.used_weights(sparsified.model)
    for name, values in expected.items():
        assert_close(seen[name], values, trial.tolerance, "training-differs", f"{name} after training")


@case("TRAIN-10")
def test_regrown_entries_train(trial: Trial) -> None:
    sparsified = trial.sparsified()
    before = trial.masks(sparsified)
    sparsified.update(0.25)
    back = {name: mask & ~before[name] for name, mask in trial.masks(sparsified).items()}
    used = {name: array(weight).copy() for name, weight in trial.used_weights(sparsified.model).items()}
    plain = expected_after_training(trial, sparsified)
    train(trial, sparsified)
    for name, weight in trial.used_weights(sparsified.model).items():
        if name in back:
            what = f"lowering the level to 0.25 restored no entry of {name}"
            presume(bool(back[name].any()), "update-without-effect", what)
            learns = back[name] & (plain[name] != used[name])
            moved, count = int((array(weight) != used[name])[learns].sum()), int(learns.sum())
            message = f"of {count} entries of {name} that a lowered level restored, training changed {moved}"
            require(2 * moved >= count, "weight-not-moved", message)


@case("TRAIN-20")
def test_model_updated_without_gradients_trains(trial: Trial) -> None:
    _update_in_inference_mode(trial)
    with torch.no_grad():
        sparsified = trial.sparsified()
    _assert_trains(trial, sparsified, "attached and updated under no_grad")
    trial.update_again(sparsified)
    if trial.supports("finalize"):
        with torch.no_grad():
            final = sparsified.finalize()
        trial.backward(final)
        for name in trial.plan.names:
            gradient(final.get_parameter(name), f"gradient of {name} after finalize under no_grad")


def _assert_trains(trial: Trial, sparsified: Sparsified, what: str) -> None:
    start = BeforeTraining.of(trial, sparsified)
    for name, mask in start.masks.items():
        presume(not mask.all(), "plan-not-applied", f"{what}: the mask of {name} keeps all")
    train(trial, sparsified)
    start.assert_sparse_and_learned(sparsified, f"{what}, then trained")


def _update_in_inference_mode(trial: Trial) -> None:
    sparsified = trial.attach()
    try:
        with torch.inference_mode():
            sparsified.update()
        _assert_trains(trial, sparsified, "updated under inference_mode")
    except RuntimeError as error:  # by which torch refuses tensors that were made under inference_mode
        if "inference tensor" not in str(error).lower():
            raise
