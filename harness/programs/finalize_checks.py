"""Checks of a script: what finalize leaves.

Each is copied into scripts. Its parameters are the names of a script's variables; see `lives`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.testing import assert_close

from ..adapter.protocol import Sparsified
from .check_tools import assert_equal, assert_zero, copied, flags_of, masked, modules_of


def finalized_weights(dense: nn.Module, sparsified: Sparsified) -> None:
    expected = masked(dense, sparsified.masks())
    names = list(sparsified.masks())
    final = sparsified.finalize()
    for name in names:
        seen = final.get_parameter(name)
        assert type(seen) is nn.Parameter, f"{name}: expected a Parameter, seen {type(seen).__name__}"
        assert seen.dtype == expected.get_parameter(name).dtype, f"{name}: seen {seen.dtype}"
        assert_equal({name: seen.detach()}, {name: expected.get_parameter(name).detach()}, "the final model")


def finalized_build(dense: nn.Module, sparsified: Sparsified) -> None:
    final = sparsified.finalize()
    assert modules_of(final) == modules_of(dense), f"modules: expected {modules_of(dense)}, seen {modules_of(final)}"
    seen, expected = sorted(final.state_dict()), sorted(dense.state_dict())
    assert seen == expected, f"state dict: expected {expected}, seen {seen}"
    for name, module in final.named_modules():
        hooks = len(module._forward_hooks) + len(module._forward_pre_hooks)
        assert not hooks, f"hooks on {name}: expected none, seen {hooks}"


def finalized_flags(dense: nn.Module, sparsified: Sparsified, ran: list[str], inputs: Tensor) -> None:
    final = sparsified.finalize()
    for name, expected in flags_of(dense).items():
        seen = flags_of(final).get(name)
        assert seen == expected, f"{name}: expected {expected}, seen {seen}"
    ran.clear()
    final(inputs)
    assert ran == ["pre-hook", "first hook", "second hook"], f"hooks after finalize: expected 3, seen {ran}"


def finalized_order(dense: nn.Module, sparsified: Sparsified) -> None:
    seen, expected = ([name for name, _ in one.named_parameters()] for one in (sparsified.finalize(), dense))
    assert seen == expected, f"parameters: expected {expected}, seen {seen}"


def finalized_again(sparsified: Sparsified, inputs: Tensor) -> None:
    final = sparsified.finalize()
    expected = final(inputs).detach().clone()
    try:
        sparsified.finalize()
    except Exception as error:
        assert "final" in str(error) or "." in str(error), f"expected an error about finalize, seen {error}"
    assert torch.equal(final(inputs), expected), "finalized twice: expected the same output, seen another"


def updated_after_finalize(sparsify: Callable[[], Sparsified], inputs: Tensor) -> None:
    sparsified = sparsify()
    final = sparsified.finalize()
    with torch.no_grad():
        for parameter in final.parameters():
            parameter.copy_(parameter.flip(0))
    expected = final(inputs).detach().clone()
    try:
        sparsified.update()
    except Exception as error:
        named = any(word in str(error).lower() for word in ("final", "mask", "prun", "parametriz", "sparsif", "weight"))
        assert named, f"expected an error about finalize, seen {type(error).__name__}: {error}"
        assert torch.equal(final(inputs), expected), "expected the final model unchanged, seen another output"
        return
    if not torch.equal(final(inputs), expected):
        masks = sparsified.masks()
        assert not any(mask.all() for mask in masks.values()), "the model has changed, but masks() keeps all"
        assert_zero(sparsified.model, masks, sparsified.plan)


def finalized_as_trained(sparsified: Sparsified, inputs: Tensor, bound: float) -> None:
    masks, expected = copied(sparsified.masks()), sparsified.model(inputs).detach().clone()
    final = sparsified.finalize()
    assert_close(final(inputs), expected, rtol=bound, atol=bound)
    for name, mask in masks.items():
        wrong = int((final.get_parameter(name)[~mask] != 0).sum())
        assert not wrong, f"removed entries of {name} that are not zero: expected none, seen {wrong}"
