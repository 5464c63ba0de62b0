"""Hooks of every kind that a user may have registered on a layer and its weight, and a record of those that ran."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from ..values.violation import require

Ran = list[str]

KINDS = (
    "forward pre-hook", "forward hook", "backward pre-hook", "backward hook", "gradient hook", "post-accumulate hook",
    "state-dict pre-hook", "state-dict hook", "load pre-hook", "load hook",
)


def register_all(layer: nn.Module, weight: Tensor) -> Ran:
    """Register a hook of every kind.

    Args:
        layer: The layer that gets the hooks on modules.
        weight: The parameter that gets the hooks on its gradient.

    Returns:
        A list to which every hook adds its kind when it runs.
    """
    ran: Ran = []
    ways: tuple[Callable[[Any], object], ...] = (
        layer.register_forward_pre_hook, layer.register_forward_hook,
        layer.register_full_backward_pre_hook, layer.register_full_backward_hook,
        weight.register_hook, weight.register_post_accumulate_grad_hook,
        layer.register_state_dict_pre_hook, layer._register_state_dict_hook,
        layer._register_load_state_dict_pre_hook, layer.register_load_state_dict_post_hook,
    )
    for kind, register in zip(KINDS, ways, strict=True):
        register(_hook(kind, ran))
    return ran


def _hook(kind: str, ran: Ran) -> Callable[..., None]:
    def hook(*_: object) -> None:
        ran.append(kind)

    return hook


def assert_ran_once(ran: Ran, where: str) -> None:
    """Assert that every hook of `register_all` ran exactly once.

    Raises:
        Violation: A hook did not run, or ran again (`hooks-differ`).
    """
    for kind in KINDS:
        times = ran.count(kind)
        require(times == 1, "hooks-differ", f"{where}: a user's {kind} ran {times} times, expected once")


def gradient_accumulator(parameter: Tensor) -> Any:
    """Return the node of autograd that accumulates the gradient of a parameter; keep it for as long as its hooks."""
    node = parameter.expand_as(parameter).grad_fn
    assert node is not None
    return node.next_functions[0][0]
