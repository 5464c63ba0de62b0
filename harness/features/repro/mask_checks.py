"""The checks of scripts about masks: one function per requirement, restating its case without sparsecheck.

A failed check raises `Failure`; any other exception is the observed failure itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ...values.pattern import Block, Channel, Pattern
from .check_tools import (
    assert_used,
    dense_model,
    dense_weights,
    masked,
    masks_of,
    require,
    sparsified,
)
from .placeholders import (
    BEFORE,
    DEVICE,
    DTYPE,
    MONOTONE,
    PLAN,
    SCORE,
    SLACK,
    TOLERANCE,
    inputs,
    removed_count,
)


def assert_runs() -> None:
    """Attach, update and run forward."""
    sparsified().model(inputs("fresh"))


# ------------------------------------------------------------------------------------------- MASK


def assert_forward_uses_masked() -> None:
    attached = sparsified()
    assert_used(attached.model, masked(dense_model(), attached.masks()), "the dense weight where kept, else zero")


def assert_output_of_masked() -> None:
    attached, plain = sparsified(), dense_model()
    for name, weight in masked(plain, attached.masks()).items():
        plain.get_parameter(name).data.copy_(weight)
    one = inputs("fresh")
    seen = attached.model(one).double()
    expected = plain.double()(one.double() if one.is_floating_point() else one)
    wrong = (~torch.isclose(seen, expected, rtol=TOLERANCE, atol=TOLERANCE)).nonzero().tolist()
    require(not wrong, "the output of the dense model with the removed entries zero", f"output of the sparse model for "
            f"a batch of 3 of shape {tuple(seen.shape)} differs at {len(wrong)} of {seen.numel()} entries")


def assert_count(masks: Mapping[str, Tensor], level: float) -> None:
    for name, mask in masks.items():
        seen, expected = int((~mask).sum()), removed_count(level, mask.numel())
        what = f"mask of {name} removes {{}} of {mask.numel()} units"
        require(seen == expected, what.format(expected), what.format(seen))


def levels() -> dict[str, float]:
    return {name: vars(pattern)["level"] for name, pattern in PLAN.patterns.items()}


def assert_counts() -> None:
    masks = sparsified().masks()
    for name, level in levels().items():
        assert_count({name: masks[name]}, level)


def assert_counts_of_equals() -> None:
    model = dense_model()
    for name in PLAN.names:
        weight = model.get_parameter(name).detach()
        weight.copy_(weight.sign() / 4)
    masks = sparsified(model).masks()
    for name, level in levels().items():
        assert_count({name: masks[name]}, level)


def assert_lowered_counts() -> None:
    attached = sparsified()
    for level in (0.3, 0.0):
        attached.update(level)
        assert_count(attached.masks(), level)


def unit_scores(weight: Tensor, pattern: Pattern) -> Tensor:
    """Return the sum of scores over the entries of each unit of the pattern."""
    power = weight.detach().double().abs() ** SCORE
    if isinstance(pattern, Channel):
        return power.transpose(0, pattern.dim).flatten(1).sum(1)
    if isinstance(pattern, Block):
        high, wide = pattern.shape
        blocks = power.reshape(power.shape[0] // high, high, power.shape[1] // wide, wide)
        return blocks.sum((1, 3)).flatten()
    return power.flatten()


def assert_kept(scores: Tensor, kept: Tensor, what: str) -> None:
    """Raise if a removed unit scores higher than a kept one."""
    removed = int((~kept).sum())
    wrong = 0
    if removed and scores[~kept].max() > scores[kept].min() * (1 + SLACK):
        lowest_to_keep = scores.sort().values[removed]
        wrong = max(1, int((scores[kept] * (1 + SLACK) < lowest_to_keep).sum()))
    rule = f"{what} removes no unit in place of one that scores lower"
    require(not wrong, rule, f"{what} removes {wrong} of {removed} units in place of units that score lower")


def assert_each_kept(weights: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> None:
    for name, pattern in PLAN.patterns.items():
        kept = unit_scores(masks[name], pattern) > 0
        assert_kept(unit_scores(weights[name], pattern), kept, f"mask of {name}")


def assert_highest_kept() -> None:
    model = dense_model()
    assert_each_kept({name: model.get_parameter(name) for name in PLAN.names}, sparsified().masks())


def assert_ranked_together() -> None:
    model, masks = dense_model(), sparsified().masks()
    weights = torch.cat([model.get_parameter(name).detach().double().flatten() for name in PLAN.names])
    kept = torch.cat([masks[name].flatten() for name in PLAN.names])
    assert_kept(weights.abs() ** SCORE, kept, f"masks of {' and '.join(PLAN.names)} together")


def turned_weights(model: nn.Module) -> dict[str, Tensor]:
    """Make the removed entries the largest, as training might, and return the dense weights."""
    weights = dense_weights(model)
    for weight in weights.values():
        size = weight.detach().abs()
        weight.detach().copy_(size.max() - size + 0.01)
    return {name: weight.detach().double() for name, weight in weights.items()}


def assert_ranked_again() -> None:
    """Turn the scores, then update at the same level."""
    attached = sparsified()
    dense = turned_weights(attached.model)
    attached.update()
    assert_each_kept(dense, attached.masks())


def assert_raised_level() -> None:
    """Turn the scores, then raise the level."""
    attached = sparsified()
    before, dense = masks_of(attached), turned_weights(attached.model)
    attached.update(0.6)
    if MONOTONE:
        dense = {name: torch.where(before[name], weight, 0.0) for name, weight in dense.items()}
    assert_each_kept(dense, attached.masks())


def is_defined_in_torch(function: object) -> bool:
    """Return whether a function is defined in torch, which wraps some of its own functions."""
    code = getattr(function, "__code__", None)
    return code is not None and code.co_filename.startswith(os.path.dirname(torch.__file__) + os.sep)


def assert_import() -> None:
    changed = []
    for home, functions in BEFORE.items():
        for name, one in functions.items():
            now = getattr(home, name, None)
            if vars(home).get(name) is not one and not isinstance(one, type) and not is_defined_in_torch(now):
                changed.append(f"{getattr(home, '__qualname__', home.__name__)}.{name}")
    require(not changed, "importing the package leaves torch's functions as they were", ", ".join(changed))


def assert_poisoned() -> None:
    model = dense_model()
    masks = {name: torch.tensor(vars(pattern)["mask"], device=DEVICE) for name, pattern in PLAN.patterns.items()}
    for name, mask in masks.items():
        poison = torch.tensor([torch.nan, torch.inf, -torch.inf], device=DEVICE, dtype=DTYPE)
        model.get_parameter(name).detach()[~mask] = poison.repeat(mask.numel())[: int((~mask).sum())]
    expected = masked(model, masks)
    assert_used(sparsified(model).model, expected, "zero where an entry is removed, whatever stands there")
