"""Two models are alike only if torch cannot distinguish them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sparsecheck import Trial
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter, Keep
from sparsecheck.trials import tracing
from tests.bench_of_one import canonical
from tools.kill_matrix.alike import Keeping, facts, making

CELLS = {one.cell.requirement: one.cell for one in canonical(ExemplarAdapter())}


def _trial() -> Trial:
    return Trial(CELLS["TRACE-06"], ExemplarAdapter())


def _model() -> Any:
    return _trial().sparsified().model


class _OtherKeep(Keep):
    """Its forward is the same, and torch need not know."""


def _keep(model: Any) -> Any:
    return model.layer1.parametrizations.weight[0]


def _flip(model: Any) -> None:
    _keep(model).mask[0, 0] ^= True


def _swap(model: Any) -> None:
    _keep(model).__class__ = _OtherKeep


def _doubled(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return output * 2


def _replace_forward(model: Any) -> None:
    model.relu.forward = torch.nn.functional.relu


def _tie(model: Any) -> None:
    model.layer10.bias = model.layer1.bias


CHANGES: list[Callable[[Any], object]] = [
    _flip, _swap, _replace_forward, _tie,
    lambda model: model.eval(),
    lambda model: model.double(),
    lambda model: model.layer10.weight.data[0].mul_(1.0001),
    lambda model: model.layer10.weight.requires_grad_(False),
    lambda model: model.layer10.weight.register_hook(lambda grad: grad),
    lambda model: model.layer10.register_forward_hook(_doubled),
    lambda model: setattr(model.layer10.weight, "grad", torch.ones_like(model.layer10.weight)),
    lambda model: setattr(model, "order", model.order[:1]),
    lambda model: setattr(model, "beside", object()),
    lambda model: setattr(model, "beside", None),
    lambda model: setattr(type(model.layer1), "forward", _doubled),
]


def test_equal_models_of_the_exemplars_are_alike() -> None:
    assert facts(_model()) == facts(_model())
    assert facts(_trial().sparsified().finalize()) == facts(_trial().sparsified().finalize())


@pytest.mark.parametrize("change", CHANGES)
def test_changed_model_is_not_alike(change: Callable[[Any], object]) -> None:
    model = _model()
    change(model)
    assert facts(model) != facts(_model())


def test_partly_unknown_model_is_alike_only_to_itself() -> None:
    model, hidden = _model(), object()
    model.beside = hidden
    other = _model()
    other.beside = hidden
    assert facts(model) != facts(other)


def test_cached_answer_is_returned_for_alike_models_alone() -> None:
    inputs, keeping, changed = torch.ones(3, _model().layer1.in_features), Keeping(), _model()
    with making(keeping):
        program = tracing.export(_model(), inputs)
        loaded = tracing.export_reloaded(program)
        with tracing.compiled(_model()) as compiled:
            answer = compiled(inputs)
    _flip(changed)
    with making(keeping.kept()):
        assert tracing.export(_model(), inputs) is program
        assert tracing.export_reloaded(program) is loaded
        assert tracing.export(changed, inputs) is not program
        with tracing.compiled(_model()) as compiled:
            assert torch.equal(compiled(inputs), answer)
            with pytest.raises(AssertionError, match="asked twice"):
                compiled(inputs)
        with tracing.compiled(changed) as compiled:
            assert not torch.equal(compiled(inputs), answer)


def test_answers_of_a_model_asked_twice_are_not_cached() -> None:
    inputs, keeping = torch.ones(3, _model().layer1.in_features), Keeping()
    with making(keeping), tracing.compiled(_model()) as compiled:
        compiled(inputs)
        compiled(inputs)
    assert not keeping.answers
