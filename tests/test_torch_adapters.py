"""The adapters of torch's own sparsifiers, beyond the cases: their refusals, and the calls that they make."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from sparsecheck import Adapter, Block, Channel, Context, Plan, Refusal, Unstructured
from sparsecheck.adapter.holders import place
from sparsecheck.adapter.shipped.torch_ao_pruning import NearlyDiagonalAdapter, WeightNormL1Adapter, WeightNormL2Adapter
from sparsecheck.adapter.shipped.torch_nn_utils_prune import (
    GlobalUnstructuredAdapter,
    L1UnstructuredAdapter,
    LnStructuredAdapter,
    RandomUnstructuredAdapter,
)
from sparsecheck.values.pattern import Pattern

CONTEXT = Context(torch.zeros(1, 4), (), torch.device("cpu"), torch.float32)


def model() -> nn.Sequential:
    """Return two layers, of which the first has the larger weights."""
    layers = nn.Sequential(nn.Linear(4, 6, bias=False), nn.Linear(6, 8, bias=False))
    for layer, offset in zip(layers, (100, 1), strict=True):
        weight = layer.get_parameter("weight")
        layer.weight = nn.Parameter(torch.arange(weight.numel()).view_as(weight) + float(offset))
    return layers


def plan(*patterns: Pattern, scope: str = "each") -> Plan:
    return Plan({f"{number}.weight": pattern for number, pattern in enumerate(patterns)}, scope)  # type: ignore[arg-type]


def removed(masks: dict[str, Tensor]) -> Iterator[int]:
    return (int((~mask).sum()) for mask in masks.values())


@pytest.mark.parametrize(
    ("adapter", "pattern"),
    [
        (L1UnstructuredAdapter(), Block((1, 2), 0.5)),
        (GlobalUnstructuredAdapter(), Channel(0.5)),
        (LnStructuredAdapter(), Unstructured(0.5)),
        (WeightNormL1Adapter(), Channel(0.5)),
        (NearlyDiagonalAdapter(), Unstructured(0.5)),
    ],
)
def test_unsupported_pattern_is_refused_with_parameter_and_pattern(adapter: Adapter, pattern: Pattern) -> None:
    with pytest.raises(Refusal, match=rf"0\.weight.* no way to ask for {type(pattern).__name__}"):
        adapter.attach(model(), plan(pattern), CONTEXT)


@pytest.mark.parametrize("adapter", [L1UnstructuredAdapter(), RandomUnstructuredAdapter(), WeightNormL2Adapter()])
def test_scope_all_is_refused_if_unsupported(adapter: Adapter) -> None:
    with pytest.raises(Refusal, match=r"0\.weight, 1\.weight: .*scope 'all'"):
        adapter.attach(model(), plan(Unstructured(0.5), Unstructured(0.5), scope="all"), CONTEXT)


def test_scope_all_takes_one_level() -> None:
    adapter = GlobalUnstructuredAdapter()
    with pytest.raises(Refusal, match=r"0\.weight, 1\.weight: .*one level"):
        adapter.attach(model(), plan(Unstructured(0.5), Unstructured(0.25), scope="all"), CONTEXT)


def test_scope_each_takes_one_level_per_parameter() -> None:
    sparsified = GlobalUnstructuredAdapter().attach(model(), plan(Unstructured(0.5), Unstructured(0.25)), CONTEXT)
    sparsified.update()
    assert list(removed(sparsified.masks())) == [12, 12]


def test_scope_all_ranks_all_parameters_together() -> None:
    asked = plan(Unstructured(0.5), Unstructured(0.5), scope="all")
    sparsified = GlobalUnstructuredAdapter().attach(model(), asked, CONTEXT)
    sparsified.update()
    assert list(removed(sparsified.masks())) == [0, 36]


@pytest.mark.parametrize(
    "adapter",
    [L1UnstructuredAdapter(), RandomUnstructuredAdapter(), GlobalUnstructuredAdapter(), LnStructuredAdapter()],
)
def test_level_one_is_a_fraction_not_a_count(adapter: Adapter) -> None:
    pattern = Channel(1) if isinstance(adapter, LnStructuredAdapter) else Unstructured(1)
    sparsified = adapter.attach(model(), plan(pattern), CONTEXT)
    sparsified.update()
    assert list(removed(sparsified.masks())) == [24]


def test_update_without_level_uses_the_plans_level() -> None:
    sparsified = WeightNormL1Adapter().attach(model(), plan(Unstructured(0.25)), CONTEXT)
    for level, expected in ((0.75, 18), (None, 6)):
        sparsified.update(level)
        assert list(removed(sparsified.masks())) == [expected]


@pytest.mark.parametrize(("name", "part"), [("nowhere.weight", "nowhere"), ("0.nothing", "nothing")])
def test_missing_parameter_is_named(name: str, part: str) -> None:
    with pytest.raises(AttributeError, match=part):
        place(model(), name)
