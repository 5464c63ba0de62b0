"""Count the operators that torch executes, the bytes that they allocate, and the bytes alive at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten


class Operators(TorchDispatchMode):
    """Counts each operator that runs inside, the bytes allocated, and the largest number of them alive at once.

    Attributes:
        ran: The number of calls, by operator.
        made: The bytes allocated.
        peak: The largest number of those bytes alive at once, since the last `mark`.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call,unused-ignore]
        self.ran: Counter[str] = Counter()
        self.made = self.peak = 0
        self._alive: list[tuple[StorageWeakRef, int]] = []

    def mark(self) -> int:
        """Start a new peak, and return the number of bytes alive now."""
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
    """Yield every tensor in nested containers."""
    return (leaf for leaf in tree_flatten(values)[0] if isinstance(leaf, Tensor))


def address(tensor: Tensor) -> int:
    """Return the address of a tensor's storage, which is equal for all tensors that share it."""
    return int(tensor.untyped_storage()._cdata)
