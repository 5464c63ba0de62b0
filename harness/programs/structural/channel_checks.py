"""Checks of a script: which channels of a model are gone. Each is copied into scripts, so it uses torch alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..check_tools import assert_ranked, assert_separate


def get_before(model: nn.Module, names: Sequence[str]) -> dict[str, tuple[Tensor, Tensor | None]]:
    """Return copies of planned weights and their biases, with a row for each output channel."""
    own: dict[str, Any] = dict(model.named_parameters())
    biases = {name: own.get("bias".join(name.rsplit("weight", 1))) for name in names}
    return {name: (by_unit(name, own[name]), None if bias is None else by_unit(name, bias))
            for name, bias in biases.items()}


def by_unit(name: str, values: Tensor) -> Tensor:
    """Return a copy of a parameter; that of an LSTM has its four gates last."""
    copied = values.detach().clone()
    return copied.unflatten(0, (4, -1)).movedim(0, -1) if name.endswith("_l0") else copied


def rows_left(before: Mapping[str, tuple[Tensor, Tensor | None]], model: nn.Module, name: str) -> list[int]:
    """Return which of its earlier rows a weight has now; an assertion fails where one is none of them, in order."""
    (weight, bias), (seen, own) = before[name], get_before(model, [name])[name]
    left: list[int] = []
    for number, row in enumerate(seen):
        found = [one for one in range(left[-1] + 1 if left else 0, len(weight)) if is_part(row, weight[one])]
        if bias is not None and own is not None:
            found = [one for one in found if same(bias[one], own[number])]
        assert found, f"row {number} of {name}: expected a row that it had before the update, with its bias, in order"
        left.append(found[0])
    return left


def is_part(row: Tensor, whole: Tensor) -> bool:
    """Return whether a row consists of inputs of another one, in their order."""
    places = iter(whole)
    return all(any(same(one, other) for other in places) for one in row)


def same(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.nan_to_num(7.0), other.nan_to_num(7.0))


def rows_in_order(before: Mapping[str, tuple[Tensor, Tensor | None]], model: nn.Module, names: Sequence[str]) -> None:
    for name in names:
        rows_left(before, model, name)


def highest_channels_kept(
    before: Mapping[str, tuple[Tensor, Tensor | None]], model: nn.Module, names: Sequence[str],
    score: Callable[[Tensor], Tensor], slack: float,
) -> None:
    scores, kept = [], []
    for name in names:
        left = rows_left(before, model, name)
        scores.append(score(before[name][0].double()).flatten(1).sum(1))
        kept.append(torch.tensor([one in left for one in range(len(before[name][0]))]))
    assert_ranked(torch.cat(scores)[None], torch.cat(kept)[None], slack, f"channels of {' and '.join(names)}")


def tied_channels_by_index(
    before: Mapping[str, tuple[Tensor, Tensor | None]], model: nn.Module, names: Sequence[str],
    score: Callable[[Tensor], Tensor], keeps_last: bool,
) -> None:
    for name in names:
        left, scores = rows_left(before, model, name), score(before[name][0].double()).flatten(1).sum(1)
        tied = [one for one in range(len(scores)) if scores[one] == scores[left].min()]
        seen = [one for one in tied if one in left]
        expected = tied[-len(seen):] if keeps_last else tied[:len(seen)]
        assert seen == expected, f"channels of {name} kept among equal ones: expected {expected}, seen {seen}"


def channels_together(
    before: Mapping[str, tuple[Tensor, Tensor | None]], model: nn.Module, names: Sequence[str], size: int
) -> None:
    for name in names:
        left = rows_left(before, model, name)
        seen = [sum(one // size == part for one in left) for part in range(len(before[name][0]) // size)]
        whole = f"channels of {name} that remain of every {size}: expected all or none, seen {seen}"
        assert {*seen} <= {0, size}, whole


def get_donor(model: nn.Module) -> nn.Module:
    return model


def restored_apart(model: nn.Module, donor: nn.Module) -> None:
    assert_separate(dict(model.named_parameters()), dict(donor.named_parameters()))


def modules_plain(model: nn.Module, plain: nn.Module) -> None:
    seen, expected = ({name: kind_of(module) for name, module in one.named_modules()} for one in (model, plain))
    assert seen == expected, f"modules of the final model: expected {expected}, seen {seen}"


def kind_of(module: nn.Module) -> str:
    hooks = sum(len(one) for name, one in vars(module).items() if name.endswith("_hooks") and isinstance(one, dict))
    return f"{type(module).__name__} with {hooks} hooks"
