"""Models that are built repeatedly are equal each time, and share nothing."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from sparsecheck.catalogue.axes import LAYERS
from sparsecheck.oracle.networks import network
from sparsecheck.trials.models import build


def _build(layers: str) -> nn.Module:
    return build(network(layers, "sizes"), "as good as new", torch.float32, torch.device("cpu"))


@pytest.mark.parametrize("layers", LAYERS)
def test_built_model_equals_a_deep_copy(layers: str) -> None:
    model = _build(layers)
    twin = copy.deepcopy(model)
    assert [type(module) for module in model.modules()] == [type(module) for module in twin.modules()]
    assert [sorted(vars(module)) for module in model.modules()] == [sorted(vars(module)) for module in twin.modules()]
    assert [name for name, _ in model.named_parameters()] == [name for name, _ in twin.named_parameters()]
    for one, other in zip(model.parameters(), twin.parameters(), strict=True):
        assert one.is_leaf
        assert one.stride() == other.stride()


@pytest.mark.parametrize("layers", LAYERS)
def test_built_models_are_independent(layers: str) -> None:
    spoilt, before = _build(layers), copy.deepcopy(_build(layers).state_dict())
    with torch.no_grad():
        for tensor in spoilt.state_dict().values():
            tensor.fill_(7)
    for module in spoilt.modules():
        module.register_forward_hook(lambda *_: None)
        module.register_buffer("left_behind", torch.ones(1))
        module.eval()
    after = _build(layers)
    assert list(after.state_dict()) == list(before)
    assert all(torch.equal(value, before[name]) for name, value in after.state_dict().items())
    assert all(module.training and not module._forward_hooks for module in after.modules())


def test_tied_weights_are_one_parameter() -> None:
    model, ties = _build("tied"), network("tied", "sizes").tied
    assert ties
    assert all(model.get_parameter(name) is model.get_parameter(source) for name, source in ties)
