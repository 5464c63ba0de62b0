"""WALK: programs, each with a network, a plan and about ten steps."""

from sparsecheck import Trial, case
from sparsecheck.programs.judging import judge_program, judge_relation, judge_target
from sparsecheck.programs.structural import judging as structural


@case("WALK-01", compares="the model after every step")
def test_program_holds_after_every_step(trial: Trial) -> None:
    judge_program(trial)


@case("WALK-02", compares="the masks of one parameter")
def test_plan_is_carried_out_or_refused(trial: Trial) -> None:
    judge_target(trial)


@case("WALK-03", compares="the masks of two programs")
def test_masks_do_not_depend_on_what_no_score_sees(trial: Trial) -> None:
    judge_relation(trial)


@case("WALK-04", compares="the model after every step")
def test_channels_are_gone_after_every_step(trial: Trial) -> None:
    structural.judge_program(trial)


@case("WALK-05", compares="the model after one update")
def test_what_depends_on_a_layer_is_carried_out_or_refused(trial: Trial) -> None:
    structural.judge_form(trial)
