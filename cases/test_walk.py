"""WALK: programs, each with a network, a plan and about ten steps."""

from sparsecheck import Trial, case
from sparsecheck.programs.judging import judge_program, judge_relation, judge_target


@case("WALK-01", compares="the model after every step")
def test_program_holds_after_every_step(trial: Trial) -> None:
    judge_program(trial)


@case("WALK-02", compares="the masks of one parameter")
def test_plan_is_carried_out_or_refused(trial: Trial) -> None:
    judge_target(trial)


@case("WALK-03", compares="the masks of two programs")
def test_masks_do_not_depend_on_what_no_score_sees(trial: Trial) -> None:
    judge_relation(trial)
