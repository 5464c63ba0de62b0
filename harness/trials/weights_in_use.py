"""Read the weights with which any network computes, by the names of its dense parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ..values.violation import presume

_PLACES: dict[Callable[..., Any], tuple[str, tuple[int, ...]]] = {
    functional.linear: ("linear", (1,)), functional.conv2d: ("conv2d", (1,)), functional.embedding: ("embedding", (1,)),
    torch.lstm: ("lstm", (2,)), functional.multi_head_attention_forward: ("linear", (5, 11)),
}
"""By function, the kind of layer, and the positions of the arguments that are weights, or lists of weights.

Attention is made of two linear layers, and a package may let torch see those alone.
"""

Calls = list[tuple[str, Tensor]]


class _Recorder(TorchFunctionMode):
    """Records the weights that reach each function of `_PLACES`, and passes every call on."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Calls = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kind, places = _PLACES.get(func, ("", ()))
        for place in places:
            given = args[place] if isinstance(args[place], (list, tuple)) else (args[place],)
            self.calls += [(kind, one) for one in given]
        return func(*args, **(kwargs or {}))


def _calls(model: nn.Module, inputs: Tensor) -> Calls:
    """Return the weights of one forward, in order; with gradients, since torch fuses layers without them."""
    recorder = _Recorder()
    with torch.enable_grad(), recorder:
        model(inputs)
    return recorder.calls


class WeightsInUse:
    """Reads the weights that sparse models of one architecture use.

    Args:
        dense: A dense model of that architecture.
        inputs: A batch that it takes.
    """

    def __init__(self, dense: nn.Module, inputs: Tensor) -> None:
        self._inputs = inputs
        own = {id(parameter): name for name, parameter in dense.named_parameters()}
        self._expected = [(function, own.get(id(weight), "")) for function, weight in _calls(dense, inputs)]

    def read(self, model: nn.Module) -> dict[str, Tensor]:
        """Run one forward of a sparse model, and return copies of its weights, by the names of the dense ones.

        Raises:
            Violation: It runs other layers than the dense model (`forward-differs`).
        """
        calls = _calls(model, self._inputs)
        seen, expected = [function for function, _ in calls], [function for function, _ in self._expected]
        message = f"the model runs {', '.join(seen) or 'no layers'}; the dense model runs {', '.join(expected)}"
        presume(seen == expected, "forward-differs", message)
        named = zip(self._expected, calls, strict=True)
        return {name: weight.detach().to_dense().clone() for (_, name), (_, weight) in named if name}
