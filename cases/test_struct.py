"""STRUCT: what is left of a model whose channels are removed."""

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
def test_the_planned_share_is_gone(trial: Trial) -> None:
    assert_shares(trial, trial.sparsified(), "after an update")


@case("STRUCT-02")
def test_dependent_channels_are_gone_and_no_others(trial: Trial) -> None:
    model = trial.sparsified().model
    ExpectedPruning.of(trial, model).assert_dependents(model)


@case("STRUCT-03")
def test_what_is_left_is_as_it_was(trial: Trial) -> None:
    model = trial.sparsified().model
    ExpectedPruning.of(trial, model).assert_entries(model, "after an update")


@case("STRUCT-04")
def test_output_is_that_of_zeroed_channels(trial: Trial) -> None:
    model = trial.sparsified().model
    ExpectedPruning.of(trial, model).assert_output(model, "after an update")


@case("STRUCT-05")
def test_low_scores_go_first(trial: Trial) -> None:
    assert_highest_kept(trial, trial.sparsified())


@case("STRUCT-06")
def test_cost_falls(trial: Trial) -> None:
    model = trial.sparsified().model
    ExpectedPruning.of(trial, model).assert_cost(model)


@case("STRUCT-07")
def test_channels_go_when_declared(trial: Trial) -> None:
    attached = trial.attach()
    if trial.contract.masks_at == "attach":
        assert_shares(trial, attached, "after attach")
    else:
        for name, values in trial.dense_parameters().items():
            seen = read_tensors(attached.model)[name]
            assert_equal(seen, values, "entry-differs", f"attached and not yet updated: {name}")


@case("STRUCT-08")
def test_each_layer_loses_its_own_share(trial: Trial) -> None:
    assert_shares(trial, trial.sparsified(), "after an update")


@case("STRUCT-09")
def test_ranked_together_all_lose_the_share_of_all(trial: Trial) -> None:
    sparsified = trial.sparsified()
    assert_shares(trial, sparsified, "after an update")
    if trial.contract.ranks_by_magnitude:
        assert_highest_kept(trial, sparsified)


@case("STRUCT-10")
def test_a_higher_level_removes_what_is_missing_from_it(trial: Trial) -> None:
    sparsified = trial.sparsified()
    before = removed_shares(trial, sparsified)
    sparsified.update(0.75)
    assert_shares(trial, sparsified, "after another update", 0.75, before)
    ExpectedPruning.of(trial, sparsified.model).assert_matches(sparsified.model, "after another update")


@case("STRUCT-11")
def test_train_flags_stay(trial: Trial) -> None:
    model = trial.dense_model()
    expected = module_flags(flags.set_unusual(model))
    sparsified = trial.sparsified(model)
    flags.assert_same(module_flags(flags.read(sparsified.model)), expected, "flag-changed", "attach and update")


@case("STRUCT-12")
def test_frozen_parameters_stay_frozen(trial: Trial) -> None:
    model = trial.dense_model()
    expected = parameter_flags(flags.set_unusual(model))
    sparsified = trial.sparsified(model)
    flags.assert_same(parameter_flags(flags.read(sparsified.model)), expected, "flag-changed", "attach and update")


@case("STRUCT-13")
def test_it_trains_as_a_model_so_built(trial: Trial) -> None:
    sparsified = trial.sparsified()
    ExpectedPruning.of(trial, sparsified.model).assert_training(sparsified)


@case("STRUCT-14")
def test_finalize_gives_a_plain_model(trial: Trial) -> None:
    sparsified = trial.sparsified()
    structure = ExpectedPruning.of(trial, sparsified.model)
    final = sparsified.finalize()
    assert_same_modules(describe_modules(final), describe_modules(trial.dense_model()), "not-plain", "finalized")
    structure.assert_matches(final, "finalized")


@case("STRUCT-15")
def test_restored_is_what_was_saved(trial: Trial) -> None:
    sparsified = trial.sparsified()
    structure = ExpectedPruning.of(trial, sparsified.model)
    structure.assert_matches(trial.restore(sparsified.save()).model, "restored onto a dense model")


@case("STRUCT-16")
def test_saved_after_training_is_restored_as_trained(trial: Trial) -> None:
    sparsified = trial.sparsified()
    train(trial, sparsified)
    expected = read_tensors(sparsified.model)
    seen = read_tensors(trial.restore(sparsified.save()).model)
    for name, values in expected.items():
        assert_equal(seen[name], values, "entry-differs", f"trained, saved and restored: {name}")


@case("STRUCT-17")
def test_restored_in_a_fresh_interpreter_is_what_was_saved(trial: Trial) -> None:
    sparsified = trial.sparsified()
    structure = ExpectedPruning.of(trial, sparsified.model)
    seen = restore_in_fresh_process(trial, sparsified.save())
    seen.assert_matches(structure.baseline, "restored in a fresh interpreter")


@case("STRUCT-18")
def test_resume_of_a_resume(trial: Trial) -> None:
    sparsified = trial.sparsified()
    structure = ExpectedPruning.of(trial, sparsified.model)
    first = restoring.resume(trial, sparsified.save())
    second = restoring.resume(trial, first.save())
    structure.assert_matches(second.model, "restored from what a restored run saved")


@case("STRUCT-19")
def test_restored_shares_no_storage(trial: Trial) -> None:
    donor = trial.sparsified()
    saved = donor.save()
    restored = trial.restore(saved)
    assert_no_shared_storage(all_tensors(restored), flatten.tensors(parts(saved)), "restored and saved")
    assert_no_shared_storage(all_tensors(restored), all_tensors(donor), "restored and donor")


@case("STRUCT-20")
def test_state_of_another_shape_is_refused(trial: Trial) -> None:
    foreign = restoring.state_of_other_shapes(trial)
    restoring.assert_state_refused(trial, foreign, "a state saved from weights of another shape")


@case("STRUCT-21")
def test_trace_gives_the_same_output(trial: Trial) -> None:
    model = trial.sparsified().model
    structure = ExpectedPruning.of(trial, model)
    structure.assert_output(tracing.trace(model.eval(), trial.inputs("traced")), "traced")


@case("STRUCT-22")
def test_export_gives_the_same_output(trial: Trial) -> None:
    model = trial.sparsified().model
    structure = ExpectedPruning.of(trial, model)
    program = tracing.export(model.eval(), trial.inputs("exported"))
    structure.baseline.assert_output(program.module(), "exported")


@case("STRUCT-23")
def test_compiled_whole_gives_the_same_output(trial: Trial) -> None:
    model = trial.sparsified().model
    structure = ExpectedPruning.of(trial, model)
    with tracing.compiled(model.eval()) as compiled:
        structure.baseline.assert_output(compiled, "compiled", (3,))
