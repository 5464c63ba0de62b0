"""Checks of a script: which entries are removed, and what that does in forward and backward.

Each is copied into scripts. Its parameters are the names of a script's variables; see `lives`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from ..adapter.protocol import Sparsified
from ..values.plan import Plan
from .check_tools import assert_masks, assert_ranked, assert_same_output, copied, find, layers_of, masked, stated, units

Scores = Callable[[Tensor], Tensor]


def output_of_masked(dense: nn.Module, sparsified: Sparsified, inputs: Tensor, bound: float) -> None:
    assert_same_output(sparsified.model, masked(dense, sparsified.masks()), inputs, bound)


def plan_applied(sparsified: Sparsified, plan: Plan, model: nn.Module, dense: nn.Module, inputs: Tensor) -> None:
    masks = sparsified.masks()
    sparse = [name for name in plan.names if name in masks and not masks[name].all()]
    assert sparse == [*plan.names], f"parameters that are made sparse: expected {plan.names}, seen {sparse}"
    assert not torch.equal(model(inputs), dense(inputs)), "expected another output than the dense one's, seen it"


def stated_masks(plan: Plan, dense: nn.Module, sparsified: Sparsified, inputs: Tensor, bound: float) -> None:
    masks = {name: stated(one, dense.get_parameter(name)) for name, one in plan.patterns.items()}
    expected = {name: mask for name, mask in masks.items() if mask is not None}
    assert_masks(sparsified, expected)
    assert_same_output(sparsified.model, masked(dense, {**sparsified.masks(), **expected}), inputs, bound)


def masks_form(sparsified: Sparsified, dense: nn.Module, plan: Plan) -> None:
    seen = {name: (mask.dtype, tuple(mask.shape)) for name, mask in sparsified.masks().items()}
    expected = {name: (torch.bool, tuple(dense.get_parameter(name).shape)) for name in plan.names}
    assert seen == expected, f"masks: expected {expected}, seen {seen}"


def counts(sparsified: Sparsified, removed: Mapping[str, int]) -> None:
    seen = {name: int((~mask).sum()) for name, mask in sparsified.masks().items()}
    assert seen == removed, f"entries removed: expected {removed}, seen {seen}"


def counts_together(sparsified: Sparsified, removed: Mapping[str, int]) -> None:
    seen, expected = sum(int((~mask).sum()) for mask in sparsified.masks().values()), sum(removed.values())
    assert seen == expected, f"entries removed: expected {expected}, seen {seen}"


def whole_units(sparsified: Sparsified, plan: Plan) -> None:
    for name, mask in sparsified.masks().items():
        pattern = plan.patterns[name]
        kept, size = units(mask.int(), pattern), units(torch.ones_like(mask, dtype=torch.int), pattern)
        broken = int(((kept > 0) & (kept < size)).sum())
        assert hasattr(pattern, "m") or not broken, f"{name}: {broken} units are kept in part"


def groups_kept(sparsified: Sparsified, plan: Plan) -> None:
    for name, mask in sparsified.masks().items():
        pattern: Any = plan.patterns[name]
        wrong = int((units(mask.int(), pattern).sum(1) != pattern.n).sum())
        assert not wrong, f"{name}: groups of {pattern.m} that keep another number than {pattern.n}: {wrong}"


def get_scored(trained: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight.detach().double().clone() for name, weight in trained.items()}


def forget_removed(scored: Mapping[str, Tensor], earlier: Mapping[str, Tensor]) -> None:
    for name, mask in earlier.items():
        scored[name][~mask] = 0.0


def highest_kept(
    sparsified: Sparsified, scored: Mapping[str, Tensor], plan: Plan, score: Scores, slack: float
) -> None:
    for name, mask in sparsified.masks().items():
        pattern = plan.patterns[name]
        if stated(pattern, mask) is None:
            kept = units(mask.int(), pattern) > 0
            assert_ranked(units(score(scored[name]), pattern), kept, slack, f"mask of {name}")


def highest_kept_together(sparsified: Sparsified, scored: Mapping[str, Tensor], plan: Plan, score: Scores) -> None:
    scores = torch.cat([score(scored[name]).flatten() for name in plan.names])
    kept = torch.cat([sparsified.masks()[name].flatten() for name in plan.names])
    assert_ranked(scores[None], kept[None], 0.0, f"masks of {' and '.join(plan.names)} together")


def reverse_scores(trained: Mapping[str, Tensor]) -> None:
    for weight in trained.values():
        size = weight.detach().abs()
        weight.detach().copy_(size.max() - size + 0.0625)


def subset_of_earlier(sparsified: Sparsified, earlier: Mapping[str, Tensor]) -> None:
    back = {name: int((mask & ~earlier[name]).sum()) for name, mask in sparsified.masks().items()}
    assert not any(back.values()), f"entries that came back: expected none, seen {back}"


def get_earlier(sparsified: Sparsified) -> dict[str, Tensor]:
    return copied(sparsified.masks())


def ties_by_index(sparsified: Sparsified, plan: Plan, keeps_last: bool) -> None:
    for name, mask in sparsified.masks().items():
        kept = units(mask.int(), plan.patterns[name]) > 0
        expected = kept.sort(dim=1, descending=not keeps_last).values
        wrong = int((kept != expected).sum())
        index = "highest" if keeps_last else "lowest"
        assert not wrong, f"{name}: {wrong} units of equal score are not those of the {index} index"


def masked_gradients(
    dense: nn.Module, sparsified: Sparsified, trained: Mapping[str, Tensor], inputs: Tensor, bound: float
) -> None:
    masks, model = sparsified.masks(), sparsified.model
    plain = masked(dense, masks)
    for one in (plain, model):
        one.zero_grad()
        one(inputs).square().sum().backward()
    for name, weight in trained.items():
        expected = plain.get_parameter(name).grad
        assert expected is not None, f"there is no gradient of {name} in the dense model"
        assert weight.grad is not None, f"there is no gradient of {name}"
        assert_close(weight.grad, expected.masked_fill(~masks[name], 0), rtol=bound, atol=bound)


def others_unchanged(dense: nn.Module, model: nn.Module, plan: Plan) -> None:
    for name, expected in dense.named_parameters():
        if name not in plan.names:
            seen = find(model, name)
            assert torch.equal(seen, expected), f"unplanned {name}: expected {expected}, seen {seen}"


def same_from_same_state(sparsify: Callable[[], Sparsified]) -> None:
    torch.manual_seed(0)
    first = copied(sparsify().masks())
    torch.manual_seed(0)
    assert_masks(sparsify(), first)


def random_states_kept(attach: Callable[..., Sparsified], model: nn.Module) -> None:
    before = [str(np.random.get_state()), str(random.getstate()), torch.get_rng_state().tolist()]
    attach(model).update()
    now = [str(np.random.get_state()), str(random.getstate()), torch.get_rng_state().tolist()]
    moved = [name for name, one, other in zip(("NumPy", "Python", "torch"), before, now, strict=True) if one != other]
    assert not moved, f"random states that attach and update changed: expected none, seen {', '.join(moved)}"


def form_kept(model: nn.Module, dense: nn.Module, plan: Plan, inputs: Tensor) -> None:
    seen, expected = model(inputs), dense(inputs)
    assert (seen.dtype, seen.shape) == (expected.dtype, expected.shape), f"the output is {seen.dtype}"
    for name in plan.names:
        path, _, attribute = name.rpartition(".")
        weight, was = getattr(model.get_submodule(path), attribute), dense.get_parameter(name)
        assert (weight.dtype, weight.shape) == (was.dtype, was.shape), f"{name} in forward is {weight.dtype}"


def poison(model: nn.Module, plan: Plan) -> None:
    for name, pattern in plan.patterns.items():
        weight = model.get_parameter(name).detach()
        mask = stated(pattern, weight)
        assert mask is not None
        values = torch.tensor([torch.nan, torch.inf, -torch.inf], dtype=weight.dtype).repeat(mask.numel())
        weight[~mask] = values[: int((~mask).sum())]


def same_in_every_mode(dense: nn.Module, sparsify: Callable[..., Sparsified], inputs: Tensor, bound: float) -> None:
    torch.manual_seed(0)
    masks = copied(sparsify().masks())
    for training in (True, False):
        for grad in (True, False):
            torch.manual_seed(0)
            with torch.set_grad_enabled(grad):
                sparsified = sparsify(training)
                assert_masks(sparsified, masks)
                for mode in (True, False):
                    plain = masked(dense, masks).train(mode)
                    assert_same_output(sparsified.model.train(mode), plain, inputs, bound)


def unmasked_before_update(model: nn.Module, dense: nn.Module, inputs: Tensor, bound: float) -> None:
    assert_same_output(model, dense, inputs, bound)


def forward_keeps_masks(sparsified: Sparsified, model: nn.Module, inputs: Tensor) -> None:
    masks = copied(sparsified.masks())
    model(inputs)
    assert_masks(sparsified, masks)


def random_as_declared(sparsify: Callable[[], Sparsified], is_random: bool) -> None:
    torch.manual_seed(1)
    first = copied(sparsify().masks())
    torch.manual_seed(2)
    second = sparsify().masks()
    differs = any(not torch.equal(mask, second[name]) for name, mask in first.items())
    assert differs == is_random, f"other masks from another random state: expected {is_random}, seen {differs}"


def drawn_again(sparsified: Sparsified, earlier: Mapping[str, Tensor]) -> None:
    same = all(torch.equal(mask, earlier[name]) for name, mask in sparsified.masks().items())
    assert not same, "masks after a second update: expected other ones, seen the same"


def same_for_other_weights(sparsified: Sparsified, attach: Callable[..., Sparsified], fresh: nn.Module) -> None:
    other = attach(fresh)
    other.update()
    assert_masks(other, sparsified.masks())


def layers_alone(dense: nn.Module, sparsified: Sparsified, plan: Plan, inputs: Tensor, bound: float) -> None:
    taken = dict[str, Tensor]()
    plain = masked(dense, sparsified.masks())
    for name in layers_of(plan):
        plain.get_submodule(name).register_forward_pre_hook(lambda _, args, name=name: taken.update({name: args[0]}))
    plain(inputs)
    for name in layers_of(plan):
        layer = sparsified.model.get_submodule(name)
        assert_same_output(layer, plain.get_submodule(name), taken[name], bound)
