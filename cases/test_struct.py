"""STRUCT: what is left of a model whose channels are removed."""

from sparsecheck import Trial, case
from sparsecheck.oracle import flatten
from sparsecheck.oracle.compare import apart, equal
from sparsecheck.trials import flags, restoring, tracing
from sparsecheck.trials.flags import learns, trains
from sparsecheck.trials.fresh_process import restore_elsewhere
from sparsecheck.trials.modules import anatomy, same_anatomy
from sparsecheck.trials.pruned_model import tensors
from sparsecheck.trials.restoring import belongings, parts
from sparsecheck.trials.structural import Structure, judge_kept, judge_shares, shares
from sparsecheck.trials.training import learn


@case("STRUCT-01")
def test_the_planned_share_is_gone(trial: Trial) -> None:
    judge_shares(trial, trial.sparsified(), "after an update")


@case("STRUCT-02")
def test_dependent_channels_are_gone_and_no_others(trial: Trial) -> None:
    model = trial.sparsified().model
    Structure.of(trial, model).judge_dependents(model)


@case("STRUCT-03")
def test_what_is_left_is_as_it_was(trial: Trial) -> None:
    model = trial.sparsified().model
    Structure.of(trial, model).judge_entries(model, "after an update")


@case("STRUCT-04")
def test_output_is_that_of_zeroed_channels(trial: Trial) -> None:
    model = trial.sparsified().model
    Structure.of(trial, model).judge_output(model, "after an update")


@case("STRUCT-05")
def test_low_scores_go_first(trial: Trial) -> None:
    judge_kept(trial, trial.sparsified())


@case("STRUCT-06")
def test_cost_falls(trial: Trial) -> None:
    model = trial.sparsified().model
    Structure.of(trial, model).judge_cost(model)


@case("STRUCT-07")
def test_channels_go_when_declared(trial: Trial) -> None:
    attached = trial.attach()
    if trial.contract.masks_at == "attach":
        judge_shares(trial, attached, "after attach")
    else:
        for name, values in trial.dense_parameters().items():
            equal(tensors(attached.model)[name], values, "entry-differs", f"attached and not yet updated: {name}")


@case("STRUCT-08")
def test_each_layer_loses_its_own_share(trial: Trial) -> None:
    judge_shares(trial, trial.sparsified(), "after an update")


@case("STRUCT-09")
def test_ranked_together_all_lose_the_share_of_all(trial: Trial) -> None:
    sparsified = trial.sparsified()
    judge_shares(trial, sparsified, "after an update")
    if trial.contract.ranks_by_magnitude:
        judge_kept(trial, sparsified)


@case("STRUCT-10")
def test_a_higher_level_removes_what_is_missing_from_it(trial: Trial) -> None:
    sparsified = trial.sparsified()
    before = shares(trial, sparsified)
    sparsified.update(0.75)
    judge_shares(trial, sparsified, "after another update", 0.75, before)
    Structure.of(trial, sparsified.model).judge(sparsified.model, "after another update")


@case("STRUCT-11")
def test_train_flags_stay(trial: Trial) -> None:
    model = trial.dense_model()
    expected = trains(flags.unusual(model))
    sparsified = trial.sparsified(model)
    flags.same(trains(flags.read(sparsified.model)), expected, "flag-changed", "attach and update")


@case("STRUCT-12")
def test_frozen_parameters_stay_frozen(trial: Trial) -> None:
    model = trial.dense_model()
    expected = learns(flags.unusual(model))
    sparsified = trial.sparsified(model)
    flags.same(learns(flags.read(sparsified.model)), expected, "flag-changed", "attach and update")


@case("STRUCT-13")
def test_it_trains_as_a_model_so_built(trial: Trial) -> None:
    sparsified = trial.sparsified()
    Structure.of(trial, sparsified.model).judge_training(sparsified)


@case("STRUCT-14")
def test_finalize_gives_a_plain_model(trial: Trial) -> None:
    sparsified = trial.sparsified()
    structure = Structure.of(trial, sparsified.model)
    final = sparsified.finalize()
    same_anatomy(anatomy(final), anatomy(trial.dense_model()), "not-plain", "finalized")
    structure.judge(final, "finalized")


@case("STRUCT-15")
def test_restored_is_what_was_saved(trial: Trial) -> None:
    sparsified = trial.sparsified()
    structure = Structure.of(trial, sparsified.model)
    structure.judge(trial.restore(sparsified.save()).model, "restored onto a dense model")


@case("STRUCT-16")
def test_saved_after_training_is_restored_as_trained(trial: Trial) -> None:
    sparsified = trial.sparsified()
    learn(trial, sparsified)
    expected = tensors(sparsified.model)
    seen = tensors(trial.restore(sparsified.save()).model)
    for name, values in expected.items():
        equal(seen[name], values, "entry-differs", f"trained, saved and restored: {name}")


@case("STRUCT-17")
def test_restored_in_a_fresh_interpreter_is_what_was_saved(trial: Trial) -> None:
    sparsified = trial.sparsified()
    structure = Structure.of(trial, sparsified.model)
    restore_elsewhere(trial, sparsified.save()).judge(structure.baseline, "restored in a fresh interpreter")


@case("STRUCT-18")
def test_resume_of_a_resume(trial: Trial) -> None:
    sparsified = trial.sparsified()
    structure = Structure.of(trial, sparsified.model)
    first = restoring.resume(trial, sparsified.save())
    second = restoring.resume(trial, first.save())
    structure.judge(second.model, "restored from what a restored run saved")


@case("STRUCT-19")
def test_restored_shares_no_storage(trial: Trial) -> None:
    donor = trial.sparsified()
    saved = donor.save()
    restored = trial.restore(saved)
    apart(belongings(restored), flatten.tensors(parts(saved)), "restored and saved")
    apart(belongings(restored), belongings(donor), "restored and donor")


@case("STRUCT-20")
def test_state_of_another_shape_is_refused(trial: Trial) -> None:
    foreign = restoring.foreign_state(trial)
    restoring.judge_refused(trial, foreign, "a state saved from weights of another shape")


@case("STRUCT-21")
def test_trace_gives_the_same_output(trial: Trial) -> None:
    model = trial.sparsified().model
    structure = Structure.of(trial, model)
    structure.judge_output(tracing.trace(model.eval(), trial.inputs("traced")), "traced")


@case("STRUCT-22")
def test_export_gives_the_same_output(trial: Trial) -> None:
    model = trial.sparsified().model
    structure = Structure.of(trial, model)
    program = tracing.export(model.eval(), trial.inputs("exported"))
    structure.baseline.judge_output(program.module(), "exported")


@case("STRUCT-23")
def test_compiled_whole_gives_the_same_output(trial: Trial) -> None:
    model = trial.sparsified().model
    structure = Structure.of(trial, model)
    with tracing.compiled(model.eval()) as compiled:
        structure.baseline.judge_output(compiled, "compiled", (3,))
