"""Comparisons accept equal values, and report how others differ, where first and by how much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from sparsecheck.oracle import compare
from sparsecheck.oracle.tolerance import TABLE, Tolerance, tolerance
from sparsecheck.values.violation import Violation, require

pytestmark = pytest.mark.filterwarnings("error")

NAN, INF = float("nan"), float("inf")


def _said(call: Callable[..., object], *arguments: Any) -> str:
    with pytest.raises(Violation) as raised:
        call(*arguments)
    return str(raised.value)


def _equal(seen: Any, expected: Any) -> None:
    compare.assert_equal(np.array(seen), np.array(expected), "it-differs", "it")


def test_violation_has_kind_and_message() -> None:
    violation = Violation("mask-differs", "the mask is wrong")
    assert isinstance(violation, AssertionError)
    assert (violation.kind, violation.message) == ("mask-differs", "the mask is wrong")
    assert str(violation) == "mask-differs: the mask is wrong"


def test_require_raises_if_the_condition_is_false() -> None:
    require(True, "kind", "message")
    assert _said(require, False, "kind", "message") == "kind: message"


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0]),
        ([NAN, INF, -INF], [NAN, INF, -INF]),
        ([0.0], [-0.0]),
        ([True, False], [True, False]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        (np.zeros((0, 3)), np.zeros((0, 3))),
    ],
)
def test_equal_arrays_pass(seen: Any, expected: Any) -> None:
    _equal(seen, expected)


@pytest.mark.parametrize(
    ("seen", "expected", "said"),
    [
        ([1.0, 2.5], [1.0, 2.0],
         "it of shape (2,) differs at 1 of 2 entries, first at (1,): expected 2.0, seen 2.5; largest difference 0.5"),
        ([[1.0, 9.0], [5.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]],
         "it of shape (2, 2) differs at 2 of 4 entries, first at (0, 1): expected 2.0, seen 9.0; largest difference 7"),
        ([True, True], [True, False],
         "it of shape (2,) differs at 1 of 2 entries, first at (1,): expected False, seen True"),
        ([1, 2], [1, 3], "it of shape (2,) differs at 1 of 2 entries, first at (1,): expected 3, seen 2"),
        ([1.0, 2.0], [[1.0, 2.0]], "it has shape (2,), expected (1, 2)"),
        ([1.0], [1.0, 1.0], "it has shape (1,), expected (2,)"),
        ([NAN], [1.0], "it of shape (1,) differs at 1 of 1 entries, first at (0,): expected 1.0, seen nan"),
        ([INF, INF], [INF, -INF],
         "it of shape (2,) differs at 1 of 2 entries, first at (1,): expected -inf, seen inf; largest difference inf"),
        ([NAN, 3.0], [1.0, 1.0],
         "it of shape (2,) differs at 2 of 2 entries, first at (0,): expected 1.0, seen nan; largest difference 2"),
        ([1.0000001], [1.0],
         "it of shape (1,) differs at 1 of 1 entries, first at (0,): expected 1.0, seen 1.0000001; "
         "largest difference 1e-07"),
    ],
)
def test_unequal_arrays_are_reported(seen: Any, expected: Any, said: str) -> None:
    assert _said(_equal, seen, expected) == f"it-differs: {said}"


BOUND = Tolerance(relative=0.1, absolute=0.01)


@pytest.mark.parametrize(("seen", "expected"), [(10.9, 10.0), (0.009, 0.0), (NAN, NAN), (INF, INF), (-11.0, -10.0)])
def test_close_arrays_pass(seen: float, expected: float) -> None:
    compare.assert_close(np.array([seen]), np.array([expected]), BOUND, "it-differs", "it")


@pytest.mark.parametrize(("seen", "expected"), [(11.2, 10.0), (0.02, 0.0), (NAN, 0.0), (INF, -INF), (1e300, INF)])
def test_distant_arrays_are_reported(seen: float, expected: float) -> None:
    said = _said(compare.assert_close, np.array([seen]), np.array([expected]), BOUND, "it-differs", "it")
    assert said.startswith(
        f"it-differs: it of shape (1,) differs at 1 of 1 entries, first at (0,): expected {expected}, seen {seen}"
    )


def test_only_entries_beyond_the_bound_are_counted() -> None:
    said = _said(compare.assert_close, np.array([1.05, 2.5]), np.array([1.0, 2.0]), BOUND, "it-differs", "it")
    assert said == (
        "it-differs: it of shape (2,) differs at 1 of 2 entries, first at (1,): expected 2.0, seen 2.5; "
        "largest difference 0.5"
    )


def test_bound_is_relative_to_the_expected_value() -> None:
    wide = Tolerance(relative=0.5, absolute=0.0)
    compare.assert_close(np.array([5.0]), np.array([10.0]), wide, "it-differs", "it")
    with pytest.raises(Violation):
        compare.assert_close(np.array([10.0]), np.array([5.0]), wide, "it-differs", "it")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_all_real_tensors_become_float64(dtype: torch.dtype) -> None:
    made = compare.array(torch.tensor([[0.5, -2.0]], dtype=dtype, requires_grad=True))
    assert made.dtype == np.float64
    assert made.tolist() == [[0.5, -2.0]]


def test_other_tensors_keep_their_dtype() -> None:
    assert compare.array(torch.tensor([True, False])).dtype == np.bool_
    assert compare.array(torch.tensor([3])).dtype == np.int64
    given = np.array([1.0], dtype=np.float32)
    assert compare.array(given) is given


def test_value_that_is_not_a_tensor_is_reported() -> None:
    rest = (np.array([1.0]), "it-differs", "the output")
    said = "protocol-broken: the output is of type list, expected Tensor"
    assert _said(compare.assert_equal, [1.0], *rest) == said
    assert _said(compare.assert_close, [1.0], rest[0], BOUND, *rest[1:]) == said
    compare.assert_equal(torch.tensor([1.0]), *rest)


def _same(seen: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    compare.assert_same_state(seen, expected, "state-changed", "the state")


def test_equal_states_pass() -> None:
    state = {"a": torch.tensor([1.0, NAN]), "b": torch.tensor([True])}
    _same({name: tensor.clone() for name, tensor in state.items()}, state)
    _same({}, {})


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"b": torch.tensor([2]), "a": torch.tensor([1.0])}, "the state has b, a, expected a, b"),
        ({"a": torch.tensor([1.0])}, "the state has a, expected a, b"),
        ({}, "the state has nothing, expected a, b"),
        ({"a": torch.tensor([1.0]).double(), "b": torch.tensor([2])},
         "the state: a is torch.float64, expected torch.float32"),
        ({"a": torch.tensor([1.5]), "b": torch.tensor([2])},
         "the state: a of shape (1,) differs at 1 of 1 entries, first at (0,): expected 1.0, seen 1.5; "
         "largest difference 0.5"),
        ({"a": torch.tensor([1.0]), "b": torch.tensor([2]), "c": torch.tensor([0])},
         "the state has a, b, c, expected a, b"),
        ({"a": torch.tensor([1.0]), "b": torch.tensor([2, 2])}, "the state: b has shape (2,), expected (1,)"),
    ],
)
def test_unequal_states_are_reported(seen: dict[str, torch.Tensor], said: str) -> None:
    assert _said(_same, seen, {"a": torch.tensor([1.0]), "b": torch.tensor([2])}) == f"state-changed: {said}"


def test_minus_zero_in_a_state_is_reported() -> None:
    said = _said(_same, {"a": torch.tensor([1.0, -0.0])}, {"a": torch.tensor([1.0, 0.0])})
    assert said == (
        "state-changed: the state: sign of a of shape (2,) differs at 1 of 2 entries, first at (1,): "
        "expected False, seen True"
    )


def test_shared_storage_is_reported() -> None:
    base = torch.zeros(4, 4)
    compare.assert_no_shared_storage({"a": base}, {"b": base.clone()}, "the copy")
    compare.assert_no_shared_storage({"a": torch.zeros(0)}, {"b": torch.zeros(0)}, "the copy")
    compare.assert_no_shared_storage({"a": base[:0]}, {"b": base}, "the copy")
    compare.assert_no_shared_storage({"a": base}, {"b": base[:0]}, "the copy")
    for alias in (base, base.view(16), base[1:], base.t(), base.detach(), base.view(torch.int32)):
        said = _said(compare.assert_no_shared_storage, {"x": torch.zeros(2), "a": alias}, {"b": base}, "the copy")
        assert said == "aliased: the copy: a shares storage with b"


def test_every_dtype_has_a_bound_that_accelerators_share() -> None:
    for dtype in ("float64", "float32", "bfloat16", "float16"):
        assert tolerance("cuda", dtype) == tolerance("cpu", dtype) == TABLE["cpu", dtype]
    with pytest.raises(KeyError):
        tolerance("cpu", "int8")


@pytest.mark.parametrize(
    ("dtype", "bound"), [("float64", 1e-12), ("float32", 1e-5), ("bfloat16", 5e-2), ("float16", 5e-3)]
)
def test_tolerance_of_a_dtype(dtype: str, bound: float) -> None:
    assert tolerance("cpu", dtype) == Tolerance(relative=bound, absolute=bound)


def test_accelerator_can_have_its_own_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Tolerance(0.25, 0.5)
    before = tolerance("cpu", "float32")
    monkeypatch.setattr("sparsecheck.oracle.tolerance.TABLE", {**TABLE, ("cuda", "float32"): own})
    assert (tolerance("cuda", "float32"), tolerance("cpu", "float32")) == (own, before)


def test_a_coarser_dtype_has_a_wider_bound() -> None:
    bounds = [tolerance("cpu", dtype).relative for dtype in ("float64", "float32", "float16", "bfloat16")]
    assert bounds == sorted(bounds)
    assert len(set(bounds)) == 4
