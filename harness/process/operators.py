"""What torch is asked to do, operator by operator: how often, how many bytes that makes, how many are alive at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten


class Operators(TorchDispatchMode):
    """Notes each operator that runs within, the bytes that it makes, and the most of those that were alive at once."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call,unused-ignore]
        self.ran: Counter[str] = Counter()
        self.made = self.peak = 0
        self._alive: list[tuple[StorageWeakRef, int]] = []

    def mark(self) -> int:
        """How many of the bytes made so far are alive; the peak is that of what comes after."""
        self._forget()
        self.peak = self._held()
        return self.peak

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = {address(tensor) for tensor in tensors((args, kwargs))}
        result = func(*args, **(kwargs or {}))
        self.ran[str(func)] += 1
        for tensor in tensors(result):
            if address(tensor) not in given:
                self._note(tensor)
        return result

    def _note(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        self._forget()
        self._alive.append((StorageWeakRef(storage), storage.nbytes()))
        self.made += storage.nbytes()
        self.peak = max(self.peak, self._held())

    def _forget(self) -> None:
        self._alive = [one for one in self._alive if not one[0].expired()]

    def _held(self) -> int:
        return sum(size for _, size in self._alive)


def tensors(values: Any) -> Iterator[Tensor]:
    """Every tensor in nested containers."""
    return (leaf for leaf in tree_flatten(values)[0] if isinstance(leaf, Tensor))


def address(tensor: Tensor) -> int:
    """Of its storage, the same for all that share it."""
    return int(tensor.untyped_storage()._cdata)
