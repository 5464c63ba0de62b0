"""The base classes of adapters name what is missing."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from sparsecheck import Block, BufferSparsified, Channel, Plan, Refusal, Unstructured
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

PLAN = Plan({"0.weight": Unstructured(0.5)})


class Hook:
    """Multiplies by the mask, as torch.nn.utils.prune does."""

    def __call__(self, module: nn.Module, _: object) -> None:
        module.weight = module.weight_orig * module.weight_mask  # type: ignore[operator]


def pruned() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 3))
    layer = model[0]
    weight = layer._parameters.pop("weight")
    layer.register_parameter("weight_orig", weight)
    layer.register_buffer("weight_mask", torch.eye(3, 4))
    layer.register_forward_pre_hook(Hook())
    return model


def test_finalize_without_a_hook_type_is_an_error() -> None:
    with pytest.raises(TypeError, match="give hook_type, the class of the hook"):
        BufferSparsified(pruned(), PLAN).finalize()


def test_own_finalize_needs_no_hook_type() -> None:
    class Own(BufferSparsified):
        def finalize(self) -> nn.Module:
            return self.model

    model = pruned()
    assert Own(model, PLAN).finalize() is model


@pytest.mark.parametrize("as_argument", [True, False])
def test_finalize_removes_only_its_own_hook(as_argument: bool) -> None:
    class Said(BufferSparsified):
        hook_type = Hook

    model, ran = pruned(), list[int]()
    model[0].register_forward_pre_hook(lambda *_: ran.append(1))  # type: ignore[index]
    it = BufferSparsified(model, PLAN, hook_type=Hook) if as_argument else Said(model, PLAN)
    it.finalize()(torch.ones(1, 4))
    assert ran == [1]
    assert it.model.get_parameter("0.weight").count_nonzero() == 3


class Rows(ExemplarAdapter):
    supported = ExemplarAdapter.supported.replace("input_channel ", "").replace("tied ", "")
    unsupported = "input_channel tied"


def test_channels_along_an_unsupported_dimension_are_refused() -> None:
    Rows().refuse_unsupported(Plan({"0.weight": Channel(0.5)}))
    with pytest.raises(Refusal, match=r"0\.weight: Rows has no way to ask for Channel along dim=1"):
        Rows().refuse_unsupported(Plan({"0.weight": Channel(0.5, 1)}))


def test_tied_parameter_is_refused_if_the_model_is_given() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    Rows().refuse_unsupported(PLAN, model)
    model[1].weight = model[0].weight
    Rows().refuse_unsupported(PLAN)
    ExemplarAdapter().refuse_unsupported(PLAN, model)
    with pytest.raises(Refusal, match=r"0\.weight is tied: one parameter is shared as 0\.weight, 1\.weight"):
        Rows().refuse_unsupported(PLAN, model)


class Partly(ExemplarAdapter):
    """Has blocks of one column, and channels of convolutions."""

    partial = {"block": "kx1", "channel": "conv2d"}


LAYERS = nn.Sequential(nn.Linear(4, 4), nn.Conv2d(4, 4, 1))


@pytest.mark.parametrize("plan", [Plan({"0.weight": Block((4, 1), 0.5)}), Plan({"1.weight": Channel(0.5)})])
def test_the_supported_part_of_a_pattern_is_not_refused(plan: Plan) -> None:
    Partly().refuse_unsupported(plan, LAYERS)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan({"0.weight": Block((1, 4), 0.5)}), "0.weight: of blocks only kx1 is supported, not 1x4"),
        (Plan({"0.weight": Channel(0.5)}), "0.weight: Channel along dim=0 is supported on conv2d only, and this is L"),
        (Plan({"2.weight": Channel(0.5)}), "2.weight: Channel along dim=0 is supported on conv2d only, and this is n"),
    ],
)
def test_the_rest_of_a_pattern_is_refused_by_name(plan: Plan, message: str) -> None:
    with pytest.raises(Refusal, match=re.escape(message)):
        Partly().refuse_unsupported(plan, LAYERS)


def test_a_part_by_layer_needs_the_model() -> None:
    with pytest.raises(TypeError, match=r"call refuse_unsupported\(plan, model\)"):
        Partly().refuse_unsupported(Plan({"1.weight": Channel(0.5)}))
