"""SMOKE: whether an adapter is fit to be judged by."""

from sparsecheck import Trial, case
from sparsecheck.trials import smoke


@case("SMOKE-01")
def test_attach_gives_a_model_that_runs(trial: Trial) -> None:
    smoke.check_attach(trial)


@case("SMOKE-02")
def test_masks_are_there(trial: Trial) -> None:
    smoke.check_masks(trial)


@case("SMOKE-03")
def test_the_plan_takes_hold_where_it_says(trial: Trial) -> None:
    smoke.check_plan_applied(trial)


@case("SMOKE-04")
def test_training_goes_through(trial: Trial) -> None:
    smoke.check_training(trial)


@case("SMOKE-05")
def test_what_is_saved_is_restored(trial: Trial) -> None:
    smoke.check_restore(trial)


@case("SMOKE-06")
def test_finalize_gives_a_model_that_runs(trial: Trial) -> None:
    smoke.check_finalize(trial)


@case("SMOKE-07")
def test_channels_go(trial: Trial) -> None:
    smoke.check_channels_removed(trial)
