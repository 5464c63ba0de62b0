"""SCHED: the level that follows a schedule, and the weights that are rewound."""

import numpy as np
from torch.nn import functional

from sparsecheck import Sparsified, Trial, case, require
from sparsecheck.oracle.compare import array, assert_equal
from sparsecheck.trials import scheduling
from sparsecheck.trials.baseline import reported_masks
from sparsecheck.trials.modules import reverse_scores
from sparsecheck.trials.refusal import refusal_of
from sparsecheck.trials.scheduling import Course
from sparsecheck.trials.training import raised_level, sgd, train
from sparsecheck.values.violation import presume


@case("SCHED-01")
def test_masks_have_the_level_of_the_formula_at_every_step(trial: Trial) -> None:
    _assert_followed(Course(trial))


def _assert_followed(course: Course) -> None:
    before = None
    for step, level in enumerate(course.expected):
        course.advance()
        course.assert_level(level, before, f"step {step}")
        before = course.masks()


@case("SCHED-02")
def test_nothing_moves_between_two_changes_of_the_level(trial: Trial) -> None:
    _assert_followed(Course(trial))


@case("SCHED-03")
def test_nothing_is_removed_before_a_schedule_begins(trial: Trial) -> None:
    _assert_followed(Course(trial))


@case("SCHED-04")
def test_resumed_schedule_goes_on_where_it_was(trial: Trial) -> None:
    middle, whole, masks = 3, Course(trial), []
    for _ in whole.expected:
        whole.advance()
        masks.append(whole.masks())
    first = Course(trial)
    for _ in range(middle):
        first.advance()
    saved, state = first.saved()
    resumed = Course(trial, saved=saved)
    resumed.load(state)
    for step in range(middle, len(masks)):
        resumed.advance()
        resumed.assert_same(masks[step], f"resumed after step {middle - 1}, step {step}")


@case("SCHED-05")
def test_reported_level_is_the_level_of_the_masks(trial: Trial) -> None:
    course, before = Course(trial), None
    for step in range(len(course.expected)):
        course.advance()
        course.assert_levels(course.reported(), before, f"step {step}, by the reported level")
        before = course.masks()


@case("SCHED-06")
def test_schedule_that_is_stepped_before_the_sparsifier_says_so(trial: Trial) -> None:
    course = Course(trial)
    told = course.skip()
    if told:
        for name in trial.plan.names:
            require(True, "schedule-silent", f"the schedule was stepped before the mask of {name} was made: {told[0]}")
        return
    what = "the schedule was stepped before the sparsifier, and neither warned nor raised: step 0"
    course.assert_level(course.expected[0], None, what)


@case("SCHED-07", compares="the level, or the refusal")
def test_schedule_without_a_step_is_at_its_final_level_or_refused(trial: Trial) -> None:
    schedule = scheduling.schedule_of(trial, length=0)
    first = Course(trial)
    words = ("schedule", "step", "epoch", "begin", "end", schedule.kind)
    made = list[Course]()

    def follow() -> None:
        made.append(Course(trial, schedule))
        made[-1].advance()

    if refusal_of(follow, first.sparsified.model, words, "a schedule without a step between begin and end") is None:
        made[-1].assert_level(schedule.final, None, "step 0 of a schedule that begins and ends there")


@case("SCHED-08", compares="the refusal")
def test_undeclared_schedule_is_refused(trial: Trial) -> None:
    schedule, sparsified = scheduling.schedule_of(trial), trial.attach()

    def follow() -> None:
        sparsified.schedule(schedule).advance()

    is_refused = refusal_of(follow, sparsified.model, ("schedule",), "schedule") is not None
    words = " ".join(schedule.needs)
    message = f"a schedule {words} went through; if it works, declare it in schedules, otherwise refuse it"
    require(is_refused, "not-refused", message)


@case("SCHED-09")
def test_step_at_an_unchanged_level_ranks_the_current_weights(trial: Trial) -> None:
    course = Course(trial)
    for _ in range(course.schedule.end + 1):
        course.advance()
    turned = trial.dense_weights(course.sparsified, course.before)
    reverse_scores(turned)
    weights = dict(trial.dense_parameters()) | {name: array(weight).copy() for name, weight in turned.items()}
    course.advance()
    course.assert_highest_kept(weights, "beyond the end, after the scores were reversed")


@case("SCHED-10")
def test_nothing_moves_between_two_steps(trial: Trial) -> None:
    course = Course(trial)
    for step in range(2):
        course.advance()
        held, levels = course.held(), course.reported()
        train(trial, course.sparsified)
        what = f"after step {step}, and training"
        course.assert_held(held, what)
        for name, level in course.reported().items():
            message = f"{what}: reported level of {name} is {level:g}, it was {levels[name]:g}"
            require(level == levels[name], "level-moved", message)


@case("SCHED-11")
def test_rewinding_gives_kept_entries_the_first_values(trial: Trial) -> None:
    sparsified = trial.attach()
    sparsified.remember()
    _train_update_and_rewind(trial, sparsified, None, "rewound")


def _train_update_and_rewind(trial: Trial, sparsified: Sparsified, level: float | None, what: str) -> None:
    train(trial, sparsified)
    sparsified.update(level)
    masks, trained = reported_masks(trial, sparsified), trial.used_weights(sparsified.model)
    first = trial.masked(trial.dense_parameters(), masks)
    for name in trial.plan.names:
        presume(not masks[name].all(), "plan-not-applied", f"{what}: the mask of {name} keeps all")
        is_first = np.array_equal(array(trained[name]), first[name])
        presume(not is_first, "weight-not-moved", f"{what}: training did not change {name}")
    sparsified.rewind()
    trial.assert_masks(sparsified, masks, f"{what}, where the masks stay")
    used = trial.used_weights(sparsified.model)
    for name in trial.plan.names:
        assert_equal(used[name], first[name], "not-rewound", f"{what}: {name} as used in forward")


@case("SCHED-12")
def test_rewinding_again_gives_the_first_values_again(trial: Trial) -> None:
    sparsified = trial.attach()
    sparsified.remember()
    train(trial, sparsified)
    sparsified.update()
    sparsified.rewind()
    for level in (raised_level(trial), None):
        _train_update_and_rewind(trial, sparsified, level, "rewound again")


@case("SCHED-13", compares="the refusal")
def test_undeclared_rewinding_is_refused(trial: Trial) -> None:
    sparsified = trial.attach()
    sparsified.remember()
    sparsified.update()
    sparsified.train(trial.batches(1, "lesson"), functional.mse_loss, sgd(sparsified.model.parameters()))
    is_refused = refusal_of(sparsified.rewind, sparsified.model, ("rewind",), "rewind") is not None
    message = "rewind went through; if it works, declare rewinds='yes', otherwise refuse it"
    require(is_refused, "not-refused", message)
