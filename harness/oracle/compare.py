"""Assertions on tensors and arrays; each raises a `Violation` whose message stands alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..values.comparisons import note
from ..values.violation import Violation
from .tolerance import Tolerance

if TYPE_CHECKING:
    from torch import Tensor


def array(value: Tensor | NDArray[Any]) -> NDArray[Any]:
    """Convert a tensor to a NumPy array.

    Booleans and integers keep their dtype; floats become float64. A sparse or otherwise compressed tensor becomes the
    dense array that it represents. Arrays are returned unchanged.
    """
    if isinstance(value, np.ndarray):
        return value
    plain = value.detach().to_dense().cpu()
    return np.asarray(plain.double().numpy() if plain.is_floating_point() else plain.numpy())


def same_values(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors, dense or compressed, represent equal values, as `torch.equal` defines it."""
    return np.array_equal(array(one), array(other))


def assert_equal(seen: Tensor | NDArray[Any], expected: Tensor | NDArray[Any], kind: str, what: str) -> None:
    """Assert that two arrays are equal entry by entry; NaN equals NaN, and -0.0 equals 0.0.

    Args:
        seen: The value under test. Anything but an array or a tensor is a violation of kind `protocol-broken`.
        expected: The correct value.
        kind: The kind of the violation.
        what: The subject of the message, such as "mask of layer1.weight".

    Raises:
        Violation: The shapes or an entry differ.
    """
    _assert_agree(_numbers(seen, what), array(expected), None, kind, what)


def assert_close(
    seen: Tensor | NDArray[Any], expected: Tensor | NDArray[Any], bound: Tolerance, kind: str, what: str
) -> None:
    """Assert that two arrays are equal within a tolerance; the arguments are those of `assert_equal`.

    Raises:
        Violation: The shapes differ, or an entry by more than the tolerance.
    """
    _assert_agree(_numbers(seen, what), array(expected), bound, kind, what)


def _numbers(seen: Tensor | NDArray[Any], what: str) -> NDArray[Any]:
    """Convert the value under test, which an adapter made and so may have any type."""
    if not isinstance(seen, np.ndarray) and not hasattr(seen, "detach"):
        raise Violation("protocol-broken", f"{what} is of type {type(seen).__name__}, expected Tensor")
    return array(seen)


def _assert_agree(
    seen: NDArray[Any], expected: NDArray[Any], bound: Tolerance | None, kind: str, what: str
) -> None:
    note(what)
    if seen.shape != expected.shape:
        raise Violation(kind, f"{what} has shape {seen.shape}, expected {expected.shape}")
    agree = _agreement(seen, expected, bound)
    if not agree.all():
        raise Violation(kind, describe_mismatch(seen, expected, agree, what))


def _agreement(seen: NDArray[Any], expected: NDArray[Any], bound: Tolerance | None) -> NDArray[np.bool_]:
    if bound is None:
        both_nan = (seen != seen) & (expected != expected)
        return np.asarray((seen == expected) | both_nan)
    return np.asarray(np.isclose(seen, expected, rtol=bound.relative, atol=bound.absolute, equal_nan=True))


def describe_mismatch(seen: NDArray[Any], expected: NDArray[Any], agree: NDArray[np.bool_], what: str) -> str:
    """Describe how many entries differ, the first of them, and the largest difference.

    Args:
        seen: The value under test.
        expected: The correct value, of the same shape.
        agree: Per entry, whether the two agree.
        what: The subject of the sentence.
    """
    wrong = int((~agree).sum())
    first = tuple(int(i) for i in np.argwhere(~agree)[0])
    text = (
        f"{what} of shape {seen.shape} differs at {wrong} of {agree.size} entries, first at {first}: "
        f"expected {expected[first]}, seen {seen[first]}"
    )
    gaps = np.abs(seen[~agree] - expected[~agree]) if seen.dtype.kind == "f" else np.zeros(0)
    numbers = gaps[~np.isnan(gaps)]
    return text + (f"; largest difference {numbers.max():.3g}" if numbers.size else "")


def assert_same_state(
    seen: Mapping[str, Tensor], expected: Mapping[str, Tensor], kind: str, what: str
) -> None:
    """Assert that two state dicts have the same names in the same order, and tensors with equal dtypes and bits.

    Raises:
        Violation: A name, a dtype, an entry or the sign of a zero differs.
    """
    note(what)
    if list(seen) != list(expected):
        raise Violation(kind, f"{what} has {_names(seen)}, expected {_names(expected)}")
    for name, tensor in expected.items():
        if seen[name].dtype != tensor.dtype:
            raise Violation(kind, f"{what}: {name} is {seen[name].dtype}, expected {tensor.dtype}")
        assert_equal(seen[name], tensor, kind, f"{what}: {name}")
        if tensor.is_floating_point():
            assert_equal(_signs(seen[name]), _signs(tensor), kind, f"{what}: sign of {name}")


def _signs(tensor: Tensor) -> NDArray[np.bool_]:
    return np.asarray(np.signbit(array(tensor)))


def assert_no_shared_storage(one: Mapping[str, Tensor], other: Mapping[str, Tensor], what: str) -> None:
    """Assert that no tensor of one mapping shares storage with a tensor of another.

    Raises:
        Violation: Two tensors do, of kind `aliased`.
    """
    owners = {storage: name for name, tensor in other.items() if tensor.numel() for storage in _storages(tensor)}
    for name, tensor in one.items():
        note(f"{what}: {name}")
        shared = [owners[storage] for storage in _storages(tensor) if tensor.numel() and storage in owners]
        if shared:
            raise Violation("aliased", f"{what}: {name} shares storage with {shared[0]}")


def _storages(tensor: Tensor) -> list[int]:
    """Return the storage addresses of a tensor, or of its inner tensors if it is a wrapper subclass."""
    if hasattr(tensor, "__tensor_flatten__"):
        parts, _ = tensor.__tensor_flatten__()
        return [storage for part in parts for storage in _storages(getattr(tensor, part))]
    return [tensor.untyped_storage().data_ptr()]


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"
