"""DECLARE: declared capabilities and clauses that no other area judges."""

import numpy as np

from sparsecheck import Plan, Sparsified, Trial, case, require
from sparsecheck.oracle.compare import array, assert_equal
from sparsecheck.oracle.ranking import assert_subset, assert_unit_ties, expected_units, rankings
from sparsecheck.programs.judging import judge_relation
from sparsecheck.trials import restoring, training
from sparsecheck.trials.baseline import assert_removed_are_zero, reported_masks
from sparsecheck.trials.declared import network_of_half_sizes, scores_that_fit
from sparsecheck.trials.modules import reverse_scores
from sparsecheck.trials.pruned_model import remaining_masks
from sparsecheck.trials.refusal import assert_plan_refused
from sparsecheck.trials.structural import ExpectedPruning, assert_shares, removed_shares
from sparsecheck.values.comparisons import note


@case("DECLARE-01", compares="the declaration")
def test_declared_score_fits_the_patterns(trial: Trial) -> None:
    fitting, why = scores_that_fit(trial.declaration.capabilities)
    message = f"score={trial.contract.score!r} is declared, but {why}; declare one of {', '.join(fitting)}"
    require(trial.contract.score in fitting, "score-misfits", message)


@case("DECLARE-02")
def test_ties_between_units_are_broken_as_declared(trial: Trial) -> None:
    model = trial.dense_model()
    for name in trial.plan.names:
        weight = model.get_parameter(name).detach()
        weight.copy_(weight.sign() / 4)
    dense = trial.parameters(model)
    sparsified = trial.sparsified(model)
    trial.assert_counts(sparsified)
    for one in rankings(trial.plan, trial.masks(sparsified), dense):
        assert_unit_ties(one, expected_units(one, trial.contract), trial.contract)


@case("DECLARE-03")
def test_unstructured_is_applied_to_every_layer(trial: Trial) -> None:
    _assert_ranked_and_applied(trial)


@case("DECLARE-04")
def test_output_channels_are_removed_from_every_layer(trial: Trial) -> None:
    _assert_ranked_and_applied(trial)


@case("DECLARE-05")
def test_input_channels_are_removed_from_every_layer(trial: Trial) -> None:
    _assert_ranked_and_applied(trial)


@case("DECLARE-06")
def test_given_mask_is_applied_to_every_layer(trial: Trial) -> None:
    _assert_applied(trial, trial.sparsified())


@case("DECLARE-07")
def test_patterns_of_matrices_are_applied_to_embeddings(trial: Trial) -> None:
    if trial.planned_masks:
        _assert_applied(trial, trial.sparsified())
    else:
        _assert_ranked_and_applied(trial)


def _assert_ranked_and_applied(trial: Trial) -> None:
    dense = trial.dense_parameters()
    sparsified = trial.sparsified()
    trial.assert_counts(sparsified)
    if trial.contract.ranks_by_magnitude:
        trial.assert_highest_kept(sparsified, dense)
    _assert_applied(trial, sparsified)


def _assert_applied(trial: Trial, sparsified: Sparsified) -> None:
    masks = trial.expected_masks(sparsified)
    trial.assert_masks(sparsified, masks, "after update")
    trial.assert_used_weights(sparsified.model, trial.masked(trial.dense_parameters(), masks), "after update")


@case("DECLARE-08")
def test_nothing_comes_back_at_an_unchanged_level(trial: Trial) -> None:
    model = trial.dense_model()
    parameters = dict(model.named_parameters())
    sparsified = trial.sparsified(model)
    before = trial.masks(sparsified)
    reverse_scores(trial.dense_weights(sparsified, parameters))
    sparsified.update()
    what = "were removed and are kept again after an update at the same level, but regrowth='monotone' is declared"
    assert_subset(trial.masks(sparsified), before, "regrown", what)


@case("DECLARE-09")
def test_random_masks_are_drawn_again(trial: Trial) -> None:
    trial.guard.seed(1)
    sparsified = trial.sparsified()
    before = reported_masks(trial, sparsified)
    sparsified.update()
    after = reported_masks(trial, sparsified)
    for name in before:
        note(f"the masks of {name} from two updates")
    drawn = any(not np.array_equal(mask, after[name]) for name, mask in before.items())
    message = "a second update left every mask as it was, but reupdate and score='random' are declared"
    require(drawn, "update-without-effect", message)


@case("DECLARE-10")
def test_first_update_takes_a_level(trial: Trial) -> None:
    sparsified = trial.attach()
    before = trial.masks(sparsified) if trial.contract.masks_at == "attach" else None
    sparsified.update(0.6)
    trial.assert_counts(sparsified, 0.6, before)
    if trial.supports("reupdate"):
        before = trial.masks(sparsified)
        sparsified.update()
        trial.assert_counts(sparsified, before=before)


@case("DECLARE-11")
def test_weight_of_half_the_declared_size_is_refused(trial: Trial) -> None:
    other = trial.with_network(network_of_half_sizes(trial, "DECLARE-11"), "DECLARE-11")
    for name, pattern in other.plan.patterns.items():
        assert_plan_refused(other, other.dense_model(), Plan({name: pattern}), (name, name.rpartition(".")[0]))


@case("DECLARE-12")
def test_zeros_come_back_as_declared(trial: Trial) -> None:
    model = trial.dense_model()
    optimizer = training.sgd(model.parameters())
    training.train_alone(trial, model, optimizer)  # so that it goes on moving what is removed
    sparsified = trial.sparsified(model)
    masks = reported_masks(trial, sparsified)
    training.train_alone(trial, sparsified.model, training.holding(sparsified.model, optimizer))
    if trial.contract.rezeroed_by == "package":
        assert_removed_are_zero(trial, sparsified.model, masks, "after steps of the optimizer alone")
        return
    used = trial.used_weights(sparsified.model)
    for name in masks:
        note(f"the removed entries of {name}")
    moved = any(bool((array(used[name]) != 0)[~mask].any()) for name, mask in masks.items())
    message = (
        "after steps of the optimizer alone all removed entries are zero in forward, but rezeroed_by='user' is "
        "declared: declare 'package'"
    )
    require(moved, "zeros-kept", message)


@case("DECLARE-13", compares="the shapes")
def test_a_further_update_removes_a_share_of_the_rest(trial: Trial) -> None:
    sparsified = trial.sparsified()
    before = removed_shares(trial, sparsified)
    sparsified.update()
    assert_shares(trial, sparsified, "after a second update without a level", None, before)


@case("DECLARE-14", compares="the shapes")
def test_half_a_channel_is_rounded_as_declared(trial: Trial) -> None:
    assert_shares(trial, trial.sparsified(), "after an update")


@case("DECLARE-15")
def test_removed_channels_depend_on_the_random_state_as_declared(trial: Trial) -> None:
    trial.guard.seed(1)
    one = trial.masks(trial.sparsified())
    trial.guard.seed(2)
    other = trial.masks(trial.sparsified())
    for name in one:
        note(f"the channels of {name} from two random states")
    differ = [name for name, mask in one.items() if not np.array_equal(mask, other[name])]
    seen = f"with another random state {len(differ)} of {len(one)} weights lose other channels"
    message = f"{seen}, but score={trial.contract.score!r} is declared"
    require(bool(differ) == (trial.contract.score == "random"), "random-otherwise", message)


@case("DECLARE-16")
def test_removed_channels_depend_on_position_alone_if_declared(trial: Trial) -> None:
    expected = trial.masks(trial.sparsified())
    other = trial.dense_model("other")
    parameters = trial.parameters(other)
    seen = remaining_masks(trial.sparsified(other).model, trial.network, parameters)
    for name, mask in expected.items():
        assert_equal(seen[name], mask, "mask-differs", f"channels of {name} with other weights, score='position'")


@case("DECLARE-17")
def test_state_dict_carries_no_masks_if_the_sidecar_does(trial: Trial) -> None:
    sparsified = trial.sparsified()
    masks, state = reported_masks(trial, sparsified), sparsified.save().model
    other = trial.sparsified(trial.dense_model("other"), restoring.misleading_plan(trial))
    other.model.load_state_dict(state, strict=False)
    restoring.assert_masks_not_carried(trial, other, masks, "after load_state_dict of the saved model's state")


@case("DECLARE-18")
def test_channels_are_removed_in_half_precision(trial: Trial) -> None:
    sparsified = trial.sparsified()
    assert_shares(trial, sparsified, "after an update")
    ExpectedPruning.of(trial, sparsified.model).assert_entries(sparsified.model, "after an update")


@case("DECLARE-19")
def test_channels_are_removed_from_every_type_of_layer(trial: Trial) -> None:
    sparsified = trial.sparsified()
    assert_shares(trial, sparsified, "after an update")
    ExpectedPruning.of(trial, sparsified.model).assert_matches(sparsified.model, "after an update")


@case("DECLARE-20", compares="the masks of two programs")
def test_masks_do_not_depend_on_what_is_declared(trial: Trial) -> None:
    judge_relation(trial)
