"""STRUCT: a model whose channels are removed."""

from sparsecheck import Trial, case
from sparsecheck.oracle import flatten
from sparsecheck.oracle.compare import assert_equal, assert_no_shared_storage
from sparsecheck.trials import flags, restoring, tracing
from sparsecheck.trials.flags import module_flags, parameter_flags
from sparsecheck.trials.fresh_process import restore_in_fresh_process
from sparsecheck.trials.modules import assert_same_modules, describe_modules
from sparsecheck.trials.pruned_model import read_tensors
from sparsecheck.trials.restoring import all_tensors, parts
from sparsecheck.trials.structural import ExpectedPruning, assert_highest_kept, assert_shares, removed_shares
from sparsecheck.trials.training import train


@case("STRUCT-01")
def test_planned_share_of_channels_is_removed(trial: Trial) -> None:
    assert_shares(trial, trial.sparsified(), "after an update")


@case("STRUCT-02")
def test_dependent_channels_are_removed_and_no_others(trial: Trial) -> None:
    model = trial.sparsified().model
    ExpectedPruning.of(trial, model).assert_dependents(model)


@case("STRUCT-03")
def test_remaining_entries_stay_unchanged(trial: Trial) -> None:
    model = trial.sparsified().model
    ExpectedPruning.of(trial, model).assert_entries(model, "after an update")


@case("STRUCT-04", compares="the output")
def test_output_equals_that_of_zeroed_channels(trial: Trial) -> None:
    model = trial.sparsified().model
    ExpectedPruning.of(trial, model).assert_output(model, "after an update")


@case("STRUCT-05")
def test_lowest_scores_are_removed(trial: Trial) -> None:
    assert_highest_kept(trial, trial.sparsified())


@case("STRUCT-06", compares="the cost")
def test_cost_is_that_of_a_smaller_model(trial: Trial) -> None:
    model = trial.sparsified().model
    ExpectedPruning.of(trial, model).assert_cost(model)


@case("STRUCT-07")
def test_channels_are_removed_when_declared(trial: Trial) -> None:
    attached = trial.attach()
    if trial.contract.masks_at == "attach":
        assert_shares(trial, attached, "after attach")
    else:
        for name, values in trial.dense_parameters().items():
            seen = read_tensors(attached.model)[name]
            assert_equal(seen, values, "entry-differs", f"after attach, before any update: {name}")


@case("STRUCT-08")
def test_each_layer_loses_its_own_share(trial: Trial) -> None:
    assert_shares(trial, trial.sparsified(), "after an update")


@case("STRUCT-09")
def test_scope_all_removes_the_share_of_all_channels(trial: Trial) -> None:
    sparsified = trial.sparsified()
    assert_shares(trial, sparsified, "after an update")
    if trial.contract.ranks_by_magnitude:
        assert_highest_kept(trial, sparsified)


@case("STRUCT-10")
def test_raised_level_removes_only_the_difference(trial: Trial) -> None:
    sparsified = trial.sparsified()
    before = removed_shares(trial, sparsified)
    sparsified.update(0.75)
    assert_shares(trial, sparsified, "after another update", 0.75, before)
    ExpectedPruning.of(trial, sparsified.model).assert_matches(sparsified.model, "after another update")


@case("STRUCT-11", compares="the flags")
def test_train_flags_stay_unchanged(trial: Trial) -> None:
    model = trial.dense_model()
    expected = module_flags(flags.set_unusual(model))
    sparsified = trial.sparsified(model)
    seen = module_flags(flags.read(sparsified.model))
    flags.assert_same(seen, expected, "flag-changed", "after attach and update")


@case("STRUCT-12", compares="the flags")
def test_frozen_parameters_stay_frozen(trial: Trial) -> None:
    model = trial.dense_model()
    expected = parameter_flags(flags.set_unusual(model))
    sparsified = trial.sparsified(model)
    seen = parameter_flags(flags.read(sparsified.model))
    flags.assert_same(seen, expected, "flag-changed", "after attach and update")


@case("STRUCT-13")
def test_training_equals_that_of_a_smaller_model(trial: Trial) -> None:
    sparsified = trial.sparsified()
    ExpectedPruning.of(trial, sparsified.model).assert_training(sparsified)


@case("STRUCT-14")
def test_finalize_returns_a_plain_model(trial: Trial) -> None:
    sparsified = trial.sparsified()
    expected = ExpectedPruning.of(trial, sparsified.model)
    final = sparsified.finalize()
    assert_same_modules(describe_modules(final), describe_modules(trial.dense_model()), "not-plain", "after finalize")
    expected.assert_matches(final, "after finalize")


@case("STRUCT-15")
def test_restored_model_equals_the_saved_one(trial: Trial) -> None:
    sparsified = trial.sparsified()
    expected = ExpectedPruning.of(trial, sparsified.model)
    expected.assert_matches(trial.restore(sparsified.save()).model, "restored onto a dense model")


@case("STRUCT-16")
def test_state_saved_after_training_is_restored_as_trained(trial: Trial) -> None:
    sparsified = trial.sparsified()
    train(trial, sparsified)
    expected = read_tensors(sparsified.model)
    seen = read_tensors(trial.restore(sparsified.save()).model)
    for name, values in expected.items():
        assert_equal(seen[name], values, "entry-differs", f"trained, saved and restored: {name}")


@case("STRUCT-17")
def test_model_restored_in_a_fresh_interpreter_equals_the_saved_one(trial: Trial) -> None:
    sparsified = trial.sparsified()
    expected = ExpectedPruning.of(trial, sparsified.model)
    seen = restore_in_fresh_process(trial, sparsified.save())
    seen.assert_matches(expected.baseline, "restored in a fresh interpreter")


@case("STRUCT-18")
def test_restored_model_can_be_saved_and_restored_again(trial: Trial) -> None:
    sparsified = trial.sparsified()
    expected = ExpectedPruning.of(trial, sparsified.model)
    first = restoring.resume(trial, sparsified.save())
    second = restoring.resume(trial, first.save())
    expected.assert_matches(second.model, "restored from the state that a restored run saved")


@case("STRUCT-19", compares="the storage of every tensor")
def test_restored_model_shares_no_storage(trial: Trial) -> None:
    original = trial.sparsified()
    saved = original.save()
    stored = flatten.tensors(parts(saved))
    restored = trial.restore(saved)
    assert_no_shared_storage(all_tensors(restored), stored, "restored model and saved state")
    assert_no_shared_storage(all_tensors(restored), all_tensors(original), "restored model and original")


@case("STRUCT-20", compares="the refusal")
def test_state_of_other_shapes_is_refused(trial: Trial) -> None:
    foreign = restoring.state_of_other_shapes(trial)
    restoring.assert_state_refused(trial, foreign, "a state saved from weights of other shapes")


@case("STRUCT-21", compares="the output")
def test_trace_gives_the_same_output(trial: Trial) -> None:
    model = trial.sparsified().model
    expected = ExpectedPruning.of(trial, model)
    expected.assert_output(tracing.trace(model.eval(), trial.inputs("traced")), "traced model")


@case("STRUCT-22", compares="the output")
def test_export_gives_the_same_output(trial: Trial) -> None:
    model = trial.sparsified().model
    expected = ExpectedPruning.of(trial, model)
    program = tracing.export(model.eval(), trial.inputs("exported"))
    expected.baseline.assert_output(program.module(), "exported")


@case("STRUCT-23", compares="the output")
def test_compiled_model_gives_the_same_output(trial: Trial) -> None:
    model = trial.sparsified().model
    expected = ExpectedPruning.of(trial, model)
    with tracing.compiled(model.eval()) as compiled:
        expected.baseline.assert_output(compiled, "compiled", (3,))
