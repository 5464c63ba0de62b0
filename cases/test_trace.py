"""TRACE: a sparse model under torch.jit.trace, torch.export and torch.compile."""

from sparsecheck import Trial, case
from sparsecheck.trials import tracing
from sparsecheck.trials.baseline import Baseline
from sparsecheck.trials.snapshot import Snapshot
from sparsecheck.trials.training import BeforeTraining, train


@case("TRACE-01", compares="the output")
def test_trace_gives_the_same_output(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    traced = tracing.trace(sparsified.model, trial.inputs("traced"))
    baseline.assert_output(traced, "traced")


@case("TRACE-02", compares="the output")
def test_trace_module_gives_the_same_output(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    traced = tracing.trace_module(sparsified.model, trial.inputs("traced"))
    baseline.assert_output(traced, "traced by trace_module")


@case("TRACE-03", compares="the output")
def test_trace_can_be_saved_and_loaded(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    traced = tracing.trace(sparsified.model, trial.inputs("traced"))
    baseline.assert_output(tracing.trace_reloaded(traced), "traced, saved and loaded")


@case("TRACE-04")
def test_tracing_leaves_the_model_unchanged(trial: Trial) -> None:
    sparsified = trial.sparsified()
    before = Snapshot(trial, sparsified)
    tracing.trace(sparsified.model, trial.inputs("traced"))
    before.assert_unchanged(sparsified, "the model after it was traced")


@case("TRACE-05", compares="the output")
def test_finalized_model_traces(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    traced = tracing.trace(sparsified.finalize(), trial.inputs("traced"))
    baseline.assert_output(traced, "finalized and traced")


@case("TRACE-06", compares="the output")
def test_export_gives_the_same_output(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    program = tracing.export(sparsified.model, trial.inputs("exported"))
    baseline.assert_output(program.module(), "exported")


@case("TRACE-07", compares="the output")
def test_exported_program_can_be_saved_and_loaded(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    program = tracing.export(sparsified.model, trial.inputs("exported"))
    baseline.assert_output(tracing.export_reloaded(program).module(), "exported, saved and loaded")


@case("TRACE-08")
def test_exporting_leaves_the_model_unchanged(trial: Trial) -> None:
    sparsified = trial.sparsified()
    before = Snapshot(trial, sparsified)
    tracing.export(sparsified.model, trial.inputs("exported"))
    before.assert_unchanged(sparsified, "the model after it was exported")


@case("TRACE-09", compares="the output")
def test_finalized_model_exports(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    program = tracing.export(sparsified.finalize(), trial.inputs("exported"))
    baseline.assert_output(program.module(), "finalized and exported")


@case("TRACE-10", compares="the output")
def test_compiled_model_gives_the_same_output(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    with tracing.compiled(sparsified.model) as compiled:
        baseline.assert_output(compiled, "compiled", tracing.ONE_BATCH)


@case("TRACE-11", compares="the output")
def test_compiled_model_uses_the_masks_of_a_later_update(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    with tracing.compiled(sparsified.model) as compiled:
        baseline.assert_output(compiled, "compiled", tracing.ONE_BATCH)
        sparsified.update(0.75)
        later = Baseline.of(trial, sparsified)
        later.require_new_masks(baseline, "the update to level 0.75")
        later.assert_output(compiled, "model compiled before the update, run after it", tracing.ONE_BATCH)


@case("TRACE-12", compares="the output")
def test_finalized_model_compiles_without_graph_breaks(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    with tracing.compiled(sparsified.finalize()) as compiled:
        baseline.assert_output(compiled, "finalized and compiled", tracing.ONE_BATCH)


@case("TRACE-13")
def test_trained_model_traces_as_trained(trial: Trial) -> None:
    sparsified = trial.sparsified()
    start = BeforeTraining.of(trial, sparsified)
    train(trial, sparsified)
    start.assert_learned(sparsified, "trained")
    baseline = Baseline.of(trial, sparsified)
    traced = tracing.trace(sparsified.model, trial.inputs("traced"))
    baseline.assert_output(traced, "trained since the update, and traced")
