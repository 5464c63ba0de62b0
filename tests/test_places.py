"""What belongs to the dense model is found in the sparse one, whatever the contract declares about names."""

from __future__ import annotations

import pytest
from torch import nn

from sparsecheck.trials.places import by_dense_name, common_prefix, names_outside
from tests.samples import contract

PREFIXED = {"inner.layer1.weight": 1, "inner.block.layer1.weight": 2, "mask0": 3}


@pytest.mark.parametrize(("name", "value"), [("layer1.weight", 1), ("block.layer1.weight", 2), ("layer2.weight", None)])
def test_a_name_under_a_prefix_is_found_by_its_end(name: str, value: int | None) -> None:
    assert by_dense_name(contract(names="prefixed"), PREFIXED, name) == value


def test_a_prefix_is_looked_for_only_if_it_is_declared() -> None:
    assert by_dense_name(contract(), PREFIXED, "layer1.weight") is None
    assert by_dense_name(contract(), PREFIXED, "mask0") == 3


@pytest.mark.parametrize(
    ("found", "prefix"),
    [
        ({"a.w", "b"}, ""), ({"inner.a.w", "inner.b"}, "inner."), ({"inner.a.w", "outer.b"}, None),
        ({"inner.a.w", "b"}, None), (set(), None), ({"x.a.w", "y.a.w", "y.b"}, "y."),
    ],
)
def test_all_names_have_one_prefix_or_none(found: set[str], prefix: str | None) -> None:
    assert common_prefix(frozenset({"a.w", "b"}), frozenset(found)) == prefix


def test_names_in_a_planned_layer_are_left_out_and_those_of_like_layers_are_not() -> None:
    model = nn.ModuleDict({"one": nn.Linear(2, 2), "one0": nn.BatchNorm1d(2, affine=False)})
    assert names_outside(model, ["one.weight"]) == {
        "one0", "one0.running_mean", "one0.running_var", "one0.num_batches_tracked",
    }
