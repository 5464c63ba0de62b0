"""MASK: the entries that are removed, and their effect in forward and backward."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from sparsecheck import Block, Sparsified, Trial, Violation, case, require
from sparsecheck.oracle.compare import array, assert_close, assert_equal
from sparsecheck.oracle.ranking import assert_subset, assert_ties
from sparsecheck.oracle.units import Mask, Reals, masked, partial_blocks
from sparsecheck.process.settings import random_state
from sparsecheck.trials.baseline import reported_masks
from sparsecheck.trials.modules import reverse_scores
from sparsecheck.trials.places import live_parameters
from sparsecheck.trials.refusal import assert_plan_refused, refusal_of
from sparsecheck.trials.used_weights import gradient
from sparsecheck.values.comparisons import note


@case("MASK-01")
def test_forward_uses_the_masked_weight(trial: Trial) -> None:
    dense = trial.dense_parameters()
    sparsified = trial.sparsified()
    expected = trial.masked(dense, trial.expected_masks(sparsified))
    trial.assert_used_weights(sparsified.model, expected, "after update")


@case("MASK-02", compares="the output")
def test_output_equals_that_of_the_masked_dense_model(trial: Trial) -> None:
    dense = trial.dense_parameters()
    sparsified = trial.sparsified()
    expected = trial.masked(dense, trial.expected_masks(sparsified))
    for batch in (3, 1):
        inputs = trial.inputs("fresh", batch)
        trial.assert_output(sparsified.model, expected, inputs, f"output of the sparse model for a batch of {batch}")


@case("MASK-03")
def test_given_mask_is_applied(trial: Trial) -> None:
    dense = trial.dense_parameters()
    sparsified = trial.sparsified()
    trial.assert_masks(sparsified, trial.planned_masks, "after update")
    trial.assert_used_weights(sparsified.model, trial.masked(dense, trial.planned_masks), "after update")


@case("MASK-04")
def test_every_planned_parameter_has_one_boolean_mask(trial: Trial) -> None:
    masks = trial.sparsified().masks()
    seen, planned = ", ".join(sorted(masks)), ", ".join(sorted(trial.plan.names))
    require(seen == planned, "mask-names", f"masks() has {seen or 'nothing'}, expected {planned}, which are planned")
    for layer in trial.network.weighted:
        if layer.weight in masks:
            expected = (torch.bool, layer.weight_shape, trial.device.type)
            mask = masks[layer.weight]
            form = (mask.dtype, tuple(mask.shape), mask.device.type)
            require(form == expected, "mask-form", f"mask of {layer.weight} is {form}, expected {expected}")


@case("MASK-05")
def test_unstructured_removes_the_exact_count(trial: Trial) -> None:
    trial.assert_counts(trial.sparsified())


@case("MASK-06")
def test_unstructured_keeps_the_highest_scores(trial: Trial) -> None:
    dense = trial.dense_parameters()
    trial.assert_highest_kept(trial.sparsified(), dense)


@case("MASK-07")
def test_block_removes_the_exact_count_of_whole_blocks(trial: Trial) -> None:
    trial.assert_counts(trial.sparsified())


@case("MASK-08")
def test_block_keeps_the_highest_scores(trial: Trial) -> None:
    dense = trial.dense_parameters()
    trial.assert_highest_kept(trial.sparsified(), dense)


@case("MASK-09")
def test_n_of_m_keeps_n_of_every_m_inputs(trial: Trial) -> None:
    trial.assert_counts(trial.sparsified())


@case("MASK-10")
def test_n_of_m_keeps_the_highest_scores_of_every_group(trial: Trial) -> None:
    dense = trial.dense_parameters()
    trial.assert_highest_kept(trial.sparsified(), dense)


@case("MASK-11")
def test_channel_removes_the_exact_count_of_whole_slices(trial: Trial) -> None:
    trial.assert_counts(trial.sparsified())


@case("MASK-12")
def test_channel_keeps_the_highest_scores(trial: Trial) -> None:
    dense = trial.dense_parameters()
    trial.assert_highest_kept(trial.sparsified(), dense)


@case("MASK-13")
def test_band_keeps_exactly_the_diagonals_of_its_width(trial: Trial) -> None:
    trial.assert_masks(trial.sparsified(), trial.planned_masks, f"{trial.cell.pattern} after update")


@case("MASK-14")
def test_scope_all_ranks_all_parameters_together(trial: Trial) -> None:
    dense = trial.dense_parameters()
    sparsified = trial.sparsified()
    trial.assert_counts(sparsified)
    if trial.contract.ranks_by_magnitude:
        trial.assert_highest_kept(sparsified, dense)
    if trial.supports("relevel"):
        before = trial.masks(sparsified)
        sparsified.update(0.6)
        trial.assert_counts(sparsified, 0.6, before)


@case("MASK-15")
def test_gradient_of_the_dense_weight_is_masked(trial: Trial) -> None:
    model = trial.dense_model()
    before, dense = dict(model.named_parameters()), trial.parameters(model)
    sparsified = trial.sparsified(model)
    masks = trial.expected_masks(sparsified)
    plain = trial.plain_model(trial.masked(dense, masks))
    trial.backward(plain)
    trial.backward(sparsified.model)
    for name, weight in trial.dense_weights(sparsified, before).items():
        what = f"gradient of the dense weight of {name}"
        seen = gradient(weight, what)
        expected = gradient(plain.get_parameter(name), what)
        assert_equal(masked(seen, ~masks[name]), np.zeros_like(seen), "gradient-differs", f"{what} at removed entries")
        assert_close(seen, masked(expected, masks[name]), trial.tolerance, "gradient-differs", what)


@case("MASK-16", compares="the parameters that are not planned")
def test_unplanned_parameters_stay_unchanged(trial: Trial) -> None:
    model = trial.dense_model()
    dense = trial.parameters(model)
    others = {name: parameter for name, parameter in model.named_parameters() if name not in trial.plan.names}
    sparsified = trial.sparsified(model)
    used, live = trial.used_weights(sparsified.model), live_parameters(trial, sparsified, others)
    for name in others:
        assert_equal(live[name], dense[name], "unplanned-differs", f"unplanned {name}")
        if name in used:
            assert_equal(used[name], dense[name], "unplanned-differs", f"unplanned {name} as used in forward")


@case("MASK-17")
def test_equal_models_plans_and_random_states_get_equal_masks(trial: Trial) -> None:
    trial.guard.seed()
    expected = trial.masks(trial.sparsified())
    trial.guard.seed()
    trial.assert_masks(trial.sparsified(), expected, "second run from an equal model, plan and random state")


@case("MASK-18", compares="the process")
def test_global_random_states_stay_unchanged(trial: Trial) -> None:
    _live(trial)
    for name in random_state():
        message = f"attach, update or restore changed the global random state of {name}"
        require(name not in trial.guard.moved, "random-state", message)


@case("MASK-19", compares="the process")
def test_global_settings_stay_unchanged(trial: Trial) -> None:
    _live(trial)
    note("the global settings")
    for change in trial.guard.changed:
        raise Violation("setting-changed", f"attach, update or restore changed {change}")


def _live(trial: Trial) -> None:
    """Attach and update; restore and update again if both are supported."""
    sparsified = trial.sparsified()
    if trial.supports("restore"):
        trial.update_again(trial.restore(sparsified.save()))


@case("MASK-20")
def test_dtype_and_shape_stay_unchanged(trial: Trial) -> None:
    model = trial.sparsified().model
    for layer in trial.network.weighted:
        used = trial.used_weights(model)[layer.weight]
        seen, expected = (used.dtype, tuple(used.shape)), (trial.dtype, layer.weight_shape)
        require(seen == expected, "form-differs", f"{layer.weight} as used in forward is {seen}, expected {expected}")
    output = model(trial.inputs())
    require(output.dtype == trial.dtype, "form-differs", f"the output is {output.dtype}, expected {trial.dtype}")


@case("MASK-21")
def test_removed_nan_and_infinity_are_zero_in_forward(trial: Trial) -> None:
    model = trial.dense_model()
    for name, mask in trial.planned_masks.items():
        removed = torch.from_numpy(~mask).to(trial.device)
        poison = torch.tensor([math.nan, math.inf, -math.inf], dtype=trial.dtype, device=trial.device)
        model.get_parameter(name).detach()[removed] = poison.repeat(mask.size)[: int(removed.sum())]
    expected = trial.masked(trial.parameters(model), trial.planned_masks)
    trial.assert_used_weights(trial.sparsified(model).model, expected, "with NaN and infinity at removed entries")


@case("MASK-22")
def test_ties_are_broken_as_declared(trial: Trial) -> None:
    model = trial.dense_model()
    for name in trial.plan.names:
        weight = model.get_parameter(name).detach()
        weight.copy_(weight.sign() / 4)
    sparsified = trial.sparsified(model)
    trial.assert_counts(sparsified)
    for name, mask in reported_masks(trial, sparsified).items():
        assert_ties(mask, trial.contract, f"mask of {name}")


@case("MASK-23")
def test_partial_blocks_are_treated_as_declared(trial: Trial) -> None:
    model = trial.dense_model()
    for name, pattern in trial.plan.patterns.items():
        assert isinstance(pattern, Block)
        weight = model.get_parameter(name).detach()
        weight[torch.from_numpy(partial_blocks(pattern, tuple(weight.shape))).to(trial.device)] /= 1024
    if trial.contract.ragged == "refuse":
        assert_plan_refused(trial, model, trial.plan, (*trial.plan.names, "block", "divisible", "multiple"))
        return
    dense = trial.parameters(model)
    sparsified = trial.sparsified(model)
    trial.assert_counts(sparsified)
    if trial.contract.ranks_by_magnitude:
        trial.assert_highest_kept(sparsified, dense)


@case("MASK-24")
def test_raised_level_removes_the_lowest_current_scores(trial: Trial) -> None:
    model = trial.dense_model()
    parameters = dict(model.named_parameters())
    sparsified = trial.sparsified(model)
    before = trial.masks(sparsified)
    weights = dict(_left(trial, before))
    if trial.contract.holds in ("parametrization", "buffer") and trial.contract.trained == "weight":
        turned = trial.dense_weights(sparsified, parameters)
        reverse_scores(turned)
        weights |= {name: array(weight).copy() for name, weight in turned.items()}
    sparsified.update(0.6)
    trial.assert_counts(sparsified, 0.6, before)
    expected = trial.masked(weights, trial.masks(sparsified))
    trial.assert_used_weights(sparsified.model, expected, "after raising the level to 0.6")
    if trial.contract.regrowth == "monotone":
        what = "were removed at level 0.3 and are kept again at 0.6, but regrowth='monotone' is declared"
        assert_subset(trial.masks(sparsified), before, "regrown", what)
        weights = trial.masked(weights, before)
    if trial.contract.ranks_by_magnitude:
        trial.assert_highest_kept(sparsified, weights)


def _left(trial: Trial, masks: Mapping[str, Mask]) -> Mapping[str, Reals]:
    """Return the dense weights that a sparse model still has; one pruned in place has lost the removed entries."""
    dense = trial.dense_parameters()
    return trial.masked(dense, masks) if trial.contract.holds == "in place" else dense


@case("MASK-25")
def test_lowered_level_restores_entries_as_declared(trial: Trial) -> None:
    sparsified = trial.sparsified()
    before = trial.masks(sparsified)
    sparsified.update(0.3)
    after = trial.masks(sparsified)
    trial.assert_counts(sparsified, 0.3, before)
    expected = trial.masked(_left(trial, before), after)
    trial.assert_used_weights(sparsified.model, expected, "after lowering the level to 0.3")
    if trial.contract.regrowth == "monotone":
        what = "were removed at level 0.9 and are kept again at 0.3, but regrowth='monotone' is declared"
        assert_subset(after, before, "regrown", what)
    elif trial.contract.ranks_by_magnitude and trial.contract.level_basis == "dense":
        what = "were kept at level 0.9 and are removed at 0.3, but no weight has changed"
        assert_subset(before, after, "kept-differs", what)
    sparsified.update(0.0)
    trial.assert_counts(sparsified, 0.0, after)
    before = trial.masks(sparsified)
    sparsified.update()
    trial.assert_counts(sparsified, before=before)


@case("MASK-26")
def test_masks_do_not_depend_on_mode_or_grad(trial: Trial) -> None:
    dense = trial.dense_parameters()
    trial.guard.seed()
    masks = trial.expected_masks(trial.sparsified())
    expected = trial.masked(dense, masks)
    for training, grad in itertools.product((True, False), repeat=2):
        way = f"attached in {'train' if training else 'eval'} mode {'with' if grad else 'without'} gradients"
        trial.guard.seed()
        with torch.set_grad_enabled(grad):
            sparsified = trial.sparsified(trial.dense_model().train(training))
            trial.assert_masks(sparsified, masks, way)
            for mode in (True, False):
                what = f"{way}, forward with train({mode})"
                trial.assert_used_weights(sparsified.model.train(mode), expected, what)


@case("MASK-27")
def test_masks_are_created_when_declared(trial: Trial) -> None:
    model = trial.dense_model()
    dense = trial.parameters(model)
    sparsified = trial.attach(model)
    sparsified.model(trial.inputs("before the update"))
    at_attach = trial.contract.masks_at == "attach"
    expected = trial.masked(dense, trial.masks(sparsified)) if at_attach else dense
    trial.assert_used_weights(sparsified.model, expected, "after attach, before any update")
    if at_attach:
        trial.assert_plan_applied(sparsified, dense)
    sparsified.update()
    trial.assert_plan_applied(sparsified, dense)
    masks = trial.masks(sparsified)
    sparsified.model(trial.inputs("after the update"))
    trial.assert_masks(sparsified, masks, "after an update and a forward")


@case("MASK-28")
def test_masks_and_output_equal_the_stored_reference(trial: Trial) -> None:
    saved, pattern, contract = trial.reference, trial.cell.pattern, trial.contract
    model = trial.plain_model(saved.parameters)
    sparsified = trial.attach(model)
    if contract.masks_at == "update":  # masks made at attach are already those of the first update
        sparsified.update()
    trial.assert_masks(sparsified, saved.masks(pattern, contract.score), "from the stored weights")
    with torch.no_grad():
        seen = sparsified.model(torch.tensor(saved.inputs, device=trial.device))
    expected = saved.output(pattern, contract.score)
    assert_close(seen, expected, trial.tolerance, "output-differs", "output for the stored weights and input")


@case("MASK-29")
def test_masks_depend_on_the_random_state_as_declared(trial: Trial) -> None:
    trial.guard.seed(1)
    one = trial.masks(trial.sparsified())
    trial.guard.seed(2)
    other = trial.masks(trial.sparsified())
    for name in one:
        note(f"the masks of {name} from two random states")
    differ = [name for name, mask in one.items() if not np.array_equal(mask, other[name])]
    seen = f"with another random state {len(differ)} of {len(one)} masks differ"
    message = f"{seen}, but score={trial.contract.score!r} is declared"
    require(bool(differ) == (trial.contract.score == "random"), "random-otherwise", message)


@case("MASK-30")
def test_every_pattern_is_applied_in_forward(trial: Trial) -> None:
    dense = trial.dense_parameters()
    sparsified = trial.sparsified()
    expected = trial.masked(dense, trial.expected_masks(sparsified))
    trial.assert_used_weights(sparsified.model, expected, "after update")
    trial.assert_output(sparsified.model, expected, trial.inputs("fresh"), "output of the sparse model")


@case("MASK-31")
def test_each_parameter_gets_its_own_pattern(trial: Trial) -> None:
    sparsified = trial.sparsified()
    if trial.planned_masks:
        trial.assert_masks(sparsified, trial.planned_masks, "one pattern per parameter")
    else:
        trial.assert_counts(sparsified)
    dense = trial.dense_parameters()
    expected = trial.masked(dense, trial.expected_masks(sparsified))
    trial.assert_used_weights(sparsified.model, expected, "one pattern per parameter")


@case("MASK-32")
def test_masks_depend_on_position_alone_if_declared(trial: Trial) -> None:
    expected = trial.masks(trial.sparsified())
    other = trial.sparsified(trial.dense_model("other"))
    trial.assert_masks(other, expected, "with other weights, and score='position' declared")


@case("MASK-33")
def test_zeros_in_the_dense_weight_count_like_any_entry(trial: Trial) -> None:
    model = trial.dense_model()
    for name in trial.plan.names:
        model.get_parameter(name).detach().flatten()[::5] = 0
    dense = trial.parameters(model)
    sparsified = trial.sparsified(model)
    trial.assert_counts(sparsified)
    if trial.contract.ranks_by_magnitude:
        trial.assert_highest_kept(sparsified, dense)


@case("MASK-34")
def test_convolution_loses_whole_channels(trial: Trial) -> None:
    dense = trial.dense_parameters()
    sparsified = trial.sparsified()
    trial.assert_counts(sparsified)
    if trial.contract.ranks_by_magnitude:
        trial.assert_highest_kept(sparsified, dense)


@case("MASK-35")
def test_update_at_an_unchanged_level_ranks_the_current_weights(trial: Trial) -> None:
    model = trial.dense_model()
    parameters = dict(model.named_parameters())
    sparsified = trial.sparsified(model)
    _assert_ranked_again(trial, sparsified, parameters, None)
    level = getattr(trial.plan.patterns[trial.plan.names[0]], "level", None)
    if level is not None and trial.supports("relevel"):
        sparsified.update(level)
        _assert_ranked_again(trial, sparsified, parameters, level)


def _assert_ranked_again(
    trial: Trial, sparsified: Sparsified, parameters: Mapping[str, nn.Parameter], level: float | None
) -> None:
    """Reverse the scores, update at the level of the last update, and assert that the highest scores are kept."""
    turned = trial.dense_weights(sparsified, parameters)
    reverse_scores(turned)
    weights = dict(trial.dense_parameters())
    weights |= {name: array(weight).copy() for name, weight in turned.items()}
    before = trial.masks(sparsified)
    sparsified.update(level)
    trial.assert_counts(sparsified, level, before)
    expected = trial.masked(weights, trial.masks(sparsified))
    given = "no level" if level is None else f"level {level:g}"
    trial.assert_used_weights(sparsified.model, expected, f"after a second update with {given}")
    trial.assert_highest_kept(sparsified, weights)


@case("MASK-40")
def test_level_of_another_numeric_type_is_applied(trial: Trial) -> None:
    levels: tuple[Any, ...] = (1, 0, np.float32(0.75), np.float64(0.75), np.int64(1))
    for level in levels:
        sparsified = trial.sparsified()
        before = trial.masks(sparsified)
        sparsified.update(level)
        trial.assert_counts(sparsified, float(level), before)
    sparsified = trial.sparsified()
    before = trial.masks(sparsified)
    try:
        sparsified.update(torch.tensor(0.75))  # type: ignore[arg-type]
    except Exception:  # a tensor is no number, and an error is an answer
        return
    trial.assert_counts(sparsified, 0.75, before)


@case("MASK-41")
def test_nonfinite_entry_does_not_change_the_count(trial: Trial) -> None:
    for value in (math.nan, math.inf, -math.inf):
        model, made = trial.dense_model(), list[Sparsified]()
        for name in trial.plan.names:
            model.get_parameter(name).detach().view(-1)[3] = value

        def make(model: nn.Module = model, made: list[Sparsified] = made) -> None:
            made.append(trial.attach(model))
            made[-1].update()

        words = ("nan", "inf", *trial.plan.names)
        if refusal_of(make, model, words, f"attach or update with {value} in a weight") is None:
            trial.assert_counts(made[-1])
