"""Read the weights that forward really computes with, independently of the sparsifier's own account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ..oracle.compare import array
from ..oracle.units import Reals
from ..values.network import Network
from ..values.violation import Violation, presume

_KINDS: dict[Callable[..., Any], str] = {
    functional.linear: "linear",
    functional.conv1d: "conv1d",
    functional.conv2d: "conv2d",
    functional.embedding: "embedding",
}


class _WeightRecorder(TorchFunctionMode):
    """Records a copy of the weight that reaches each layer function, and passes every call on.

    A copy, since a hook that runs after the layer could change the weight that it has used.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, Tensor]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _KINDS:
            weight = args[1] if len(args) > 1 else (kwargs or {})["weight"]
            self.calls.append((_KINDS[func], _copied(weight)))
        return func(*args, **(kwargs or {}))


def _copied(weight: Tensor) -> Tensor:
    """Return a copy without gradient. A subclass that packs its values need not have `clone`, and is unpacked."""
    plain = weight.detach()
    return plain.clone() if type(plain) is Tensor else plain.to_dense()


def read_used_weights(model: nn.Module, network: Network, inputs: Tensor) -> dict[str, Tensor]:
    """Run one forward, and return the weight of each layer, planned or not, by the dense model's names.

    Raises:
        Violation: The model does not run the layers of the dense one in the same order (`forward-differs`).
    """
    recorder = _WeightRecorder()
    with recorder:
        model(inputs)
    return weights_by_name(recorder.calls, network)


def read_weights_in_order(model: nn.Module, inputs: Tensor) -> list[Tensor]:
    """Run one forward, and return the weights in the order in which it used them."""
    recorder = _WeightRecorder()
    with recorder:
        model(inputs)
    return [weight for _, weight in recorder.calls]


def weights_by_name(calls: Iterable[tuple[str, Tensor]], network: Network) -> dict[str, Tensor]:
    """Assign recorded weights to the layers that used them.

    Args:
        calls: The kind of layer and the weight of each call, in order.
        network: The dense network.

    Raises:
        Violation: The kinds of layers differ from those of the network (`forward-differs`).
    """
    calls = list(calls)
    ran, expected = [kind for kind, _ in calls], [layer.kind for layer in network.weighted]
    presume(
        ran == expected,
        "forward-differs",
        f"the model runs the layers {', '.join(ran) or 'none'}; the dense model runs {', '.join(expected)}",
    )
    return {layer.weight: weight for layer, (_, weight) in zip(network.weighted, calls, strict=True)}


def read_submodule_weight(module: nn.Module, inputs: Tensor) -> Tensor:
    """Call one layer by itself, and return the weight it computed with.

    Raises:
        Violation: It ran no layer function, or several (`forward-differs`).
    """
    recorder = _WeightRecorder()
    with recorder:
        module(inputs)
    presume(len(recorder.calls) == 1, "forward-differs", f"one layer ran {len(recorder.calls)} layer functions")
    [(_, weight)] = recorder.calls
    return weight


def gradient(weight: Tensor, what: str) -> Reals:
    """Return the gradient that the last backward left at `weight`, float64.

    Raises:
        Violation: There is none (`gradient-missing`).
    """
    if weight.grad is None:
        raise Violation("gradient-missing", f"backward leaves no {what}")
    return array(weight.grad)
