"""What forward really uses, read at the point of use and past whatever the sparsifier says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ..oracle.compare import array
from ..oracle.units import Reals
from ..values.network import Network
from ..values.violation import Violation, require

_KINDS: dict[Callable[..., Any], str] = {
    functional.linear: "linear",
    functional.conv1d: "conv1d",
    functional.conv2d: "conv2d",
    functional.embedding: "embedding",
}


class _Witness(TorchFunctionMode):
    """Notes the weight that reaches each layer function; passes every call on."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, Tensor]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _KINDS:
            weight = args[1] if len(args) > 1 else (kwargs or {})["weight"]
            self.calls.append((_KINDS[func], weight))
        return func(*args, **(kwargs or {}))


def read_used_weights(model: nn.Module, network: Network, inputs: Tensor) -> dict[str, Tensor]:
    """The weight each layer computes with, by the dense model's names, planned or not; one forward pass.

    Raises:
        Violation: `forward-differs`, the model does not run the layers of the dense one in their order.
    """
    witness = _Witness()
    with witness:
        model(inputs)
    return weights_by_name(witness.calls, network)


def read_weights_in_order(model: nn.Module, inputs: Tensor) -> list[Tensor]:
    """The weights that one forward pass computes with, in the order it does."""
    witness = _Witness()
    with witness:
        model(inputs)
    return [weight for _, weight in witness.calls]


def weights_by_name(calls: Iterable[tuple[str, Tensor]], network: Network) -> dict[str, Tensor]:
    """The weights of witnessed calls under the names of the layers that made them."""
    calls = list(calls)
    ran, expected = [kind for kind, _ in calls], [layer.kind for layer in network.weighted]
    require(
        ran == expected,
        "forward-differs",
        f"the model runs the layers {', '.join(ran) or 'none'}; the dense model runs {', '.join(expected)}",
    )
    return {layer.weight: weight for layer, (_, weight) in zip(network.weighted, calls, strict=True)}


def read_submodule_weight(module: nn.Module, inputs: Tensor) -> Tensor:
    """The weight that one layer, called by itself, computes with.

    Raises:
        Violation: `forward-differs`, it ran no layer function or several.
    """
    witness = _Witness()
    with witness:
        module(inputs)
    require(len(witness.calls) == 1, "forward-differs", f"one layer ran {len(witness.calls)} layer functions")
    [(_, weight)] = witness.calls
    return weight


def gradient(weight: Tensor, what: str) -> Reals:
    """What the last backward left at `weight`.

    Raises:
        Violation: `gradient-missing`.
    """
    if weight.grad is None:
        raise Violation("gradient-missing", f"backward leaves no {what}")
    return array(weight.grad)
