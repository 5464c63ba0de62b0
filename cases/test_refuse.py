"""REFUSE: how a sparsifier refuses what it declares unsupported."""

import copy

from sparsecheck import Sparsified, Trial, case
from sparsecheck.trials import tracing
from sparsecheck.trials.baseline import Baseline
from sparsecheck.trials.refusal import (
    RefusedBy,
    assert_never_wrong,
    assert_unsupported_call_refused,
    assert_unsupported_plan_refused,
    assert_unsupported_restore_refused,
)


@case("REFUSE-01", compares="the refusal")
def test_an_unsupported_pattern_is_refused(trial: Trial) -> RefusedBy:
    return assert_unsupported_plan_refused(trial)


@case("REFUSE-02", compares="the refusal")
def test_an_unsupported_layer_is_refused(trial: Trial) -> RefusedBy:
    return assert_unsupported_plan_refused(trial)


@case("REFUSE-03", compares="the refusal")
def test_an_unsupported_dtype_is_refused(trial: Trial) -> RefusedBy:
    return assert_unsupported_plan_refused(trial)


@case("REFUSE-04", compares="the refusal")
def test_an_unsupported_ranking_over_all_is_refused(trial: Trial) -> RefusedBy:
    return assert_unsupported_plan_refused(trial)


@case("REFUSE-05", compares="the refusal")
def test_an_unsupported_pattern_for_each_parameter_is_refused(trial: Trial) -> RefusedBy:
    return assert_unsupported_plan_refused(trial)


@case("REFUSE-06", compares="the refusal")
def test_an_unsupported_tied_weight_is_refused(trial: Trial) -> RefusedBy:
    return assert_unsupported_plan_refused(trial)


@case("REFUSE-07", compares="the refusal")
def test_an_unsupported_device_is_refused(trial: Trial) -> RefusedBy:
    return assert_unsupported_plan_refused(trial)


@case("REFUSE-08", compares="the refusal")
def test_an_unsupported_second_update_is_refused(trial: Trial) -> RefusedBy:
    sparsified = trial.sparsified()
    return assert_unsupported_call_refused(trial, sparsified, sparsified.update)


@case("REFUSE-09", compares="the refusal")
def test_an_unsupported_change_of_level_is_refused(trial: Trial) -> RefusedBy:
    sparsified = trial.sparsified()
    return assert_unsupported_call_refused(trial, sparsified, lambda: sparsified.update(0.75))


@case("REFUSE-10", compares="the refusal")
def test_an_unsupported_finalize_is_refused(trial: Trial) -> RefusedBy:
    sparsified = trial.sparsified()
    return assert_unsupported_call_refused(trial, sparsified, sparsified.finalize)


@case("REFUSE-11", compares="the refusal")
def test_an_unsupported_restore_is_refused(trial: Trial) -> RefusedBy:
    return assert_unsupported_restore_refused(trial)


@case("REFUSE-12", compares="the model, and the output if there is one")
def test_an_unsupported_trace_is_never_wrong(trial: Trial) -> None:
    def go_through(sparsified: Sparsified, baseline: Baseline) -> None:
        baseline.assert_output(tracing.trace(sparsified.model, trial.inputs("traced")), "traced")

    assert_never_wrong(trial, go_through)


@case("REFUSE-13", compares="the model, and the output if there is one")
def test_an_unsupported_export_is_never_wrong(trial: Trial) -> None:
    def go_through(sparsified: Sparsified, baseline: Baseline) -> None:
        program = tracing.export(sparsified.model, trial.inputs("exported"))
        baseline.assert_output(program.module(), "exported")

    assert_never_wrong(trial, go_through)


@case("REFUSE-14", compares="the model, and the output if there is one")
def test_an_unsupported_compile_is_never_wrong(trial: Trial) -> None:
    def go_through(sparsified: Sparsified, baseline: Baseline) -> None:
        with tracing.compiled(sparsified.model) as compiled:
            baseline.assert_output(compiled, "compiled", tracing.ONE_BATCH)

    assert_never_wrong(trial, go_through)


@case("REFUSE-15", compares="the refusal")
def test_an_unsupported_shape_of_blocks_is_refused(trial: Trial) -> RefusedBy:
    return assert_unsupported_plan_refused(trial)


@case("REFUSE-16", compares="the refusal")
def test_a_pattern_on_a_layer_where_it_is_unsupported_is_refused(trial: Trial) -> RefusedBy:
    return assert_unsupported_plan_refused(trial)


@case("REFUSE-17", compares="the model, and the output if there is one")
def test_an_unsupported_saved_trace_is_never_wrong(trial: Trial) -> None:
    def go_through(sparsified: Sparsified, baseline: Baseline) -> None:
        traced = tracing.trace(sparsified.model, trial.inputs("traced"))
        baseline.assert_output(tracing.trace_reloaded(traced), "traced, saved and loaded")

    assert_never_wrong(trial, go_through)


@case("REFUSE-18", compares="the model, and the output if there is one")
def test_an_unsupported_deep_copy_is_never_wrong(trial: Trial) -> None:
    def go_through(sparsified: Sparsified, baseline: Baseline) -> None:
        baseline.assert_model(copy.deepcopy(sparsified.model), "the deep copy")

    assert_never_wrong(trial, go_through)
