"""SMOKE: whether an adapter can be judged at all."""

from sparsecheck import Trial, case
from sparsecheck.trials import smoke


@case("SMOKE-01", compares="the output")
def test_attach_returns_a_model_that_runs(trial: Trial) -> None:
    smoke.check_attach(trial)


@case("SMOKE-02")
def test_every_planned_weight_has_a_mask(trial: Trial) -> None:
    smoke.check_masks(trial)


@case("SMOKE-03")
def test_plan_is_applied_to_the_planned_weights(trial: Trial) -> None:
    smoke.check_plan_applied(trial)


@case("SMOKE-04", compares="all parameters together")
def test_training_changes_parameters(trial: Trial) -> None:
    smoke.check_training(trial)


@case("SMOKE-05", compares="the output")
def test_saved_state_is_restored(trial: Trial) -> None:
    smoke.check_restore(trial)


@case("SMOKE-06", compares="the output")
def test_finalize_returns_a_model_that_runs(trial: Trial) -> None:
    smoke.check_finalize(trial)


@case("SMOKE-07")
def test_planned_channels_are_removed(trial: Trial) -> None:
    smoke.check_channels_removed(trial)
