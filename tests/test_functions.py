"""Functions of a library that are replaced, hidden or changed in place are found, whoever claims to have done it."""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from sparsecheck import Violation
from sparsecheck.process.guard import Guard
from sparsecheck.process.python_functions import replaced_python_functions
from sparsecheck.process.torch_functions import FUNCTIONS, replaced_functions, restore_functions


def other(*args: Any, **kwargs: Any) -> None:
    return None


class _Other(nn.Linear):
    pass


class _Callable:
    def __call__(self, *args: Any) -> None:
        return None


INHERITED: dict[str, tuple[Any, str]] = {
    "Tensor.numpy": (torch.Tensor, "numpy"), "Linear.__call__": (nn.Linear, "__call__"),
    "Linear.state_dict": (nn.Linear, "state_dict"), "SGD.load_state_dict": (torch.optim.SGD, "load_state_dict"),
    "Module.__deepcopy__": (nn.Module, "__deepcopy__"), "Parameter.detach": (nn.Parameter, "detach"),
}
REPLACED: dict[str, tuple[Any, str]] = {
    "torch.nn.utils.clip_grad_norm_": (nn.utils, "clip_grad_norm_"),
    "torch.serialization.load": (torch.serialization, "load"), "torch.linalg.norm": (torch.linalg, "norm"),
    "torch.fft.fft": (torch.fft, "fft"), "torch.special.expit": (torch.special, "expit"),
    "torch.autograd.grad": (torch.autograd, "grad"), "torch.save": (torch, "save"),
    "torch.nn.Linear": (nn, "Linear"), "torch.float32": (torch, "float32"), "torch.nn.functional": (nn, "functional"),
    "Sequential.forward": (nn.Sequential, "forward"), "Module.eval": (nn.Module, "eval"),
    "torch._C._get_mkldnn_enabled": (torch._C, "_get_mkldnn_enabled"),
}


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    restore_functions(())
    assert replaced_functions() == []


@pytest.mark.parametrize("name", INHERITED)
def test_function_that_hides_an_inherited_one_is_reported_and_removed(name: str) -> None:
    home, attribute = INHERITED[name]
    assert attribute not in vars(home)
    with pytest.raises(Violation, match=f"replaced functions of torch: added {name}$"), Guard().watch():
        setattr(home, attribute, other)
    assert attribute not in vars(home)


@pytest.mark.parametrize("place", REPLACED.values(), ids=REPLACED)
def test_replacement_is_reported_and_undone(place: tuple[Any, str]) -> None:
    home, attribute = place
    before = vars(home)[attribute]
    with pytest.raises(Violation, match=f"replaced functions of torch: added .*{attribute}$"), Guard().watch():
        setattr(home, attribute, _Other if attribute == "Linear" else other)
    assert vars(home)[attribute] is before


def test_new_name_that_hides_nothing_is_ignored() -> None:
    nn.Linear.of_a_package = other  # type: ignore[attr-defined]
    try:
        assert replaced_functions() == []
    finally:
        del nn.Linear.of_a_package  # type: ignore[attr-defined]


def test_submodule_of_a_special_name_is_ignored() -> None:
    """Torch imports `torch.onnx.__init__` when it traces an autograd function."""
    vars(nn)["__init__"] = ModuleType("torch.nn.__init__")
    try:
        assert replaced_functions() == []
        vars(nn)["__call__"] = other
        assert replaced_functions() == ["torch.nn.__call__"]
    finally:
        del vars(nn)["__init__"], vars(nn)["__call__"]


def test_inherited_function_that_is_set_again_is_ignored() -> None:
    nn.Linear.__setattr__ = nn.Module.__setattr__  # type: ignore[method-assign]
    try:
        assert replaced_functions() == []
    finally:
        del nn.Linear.__setattr__


# ------------------------------------------------------------------- replacements that claim to be torch's own


def _claiming() -> Any:
    scope: dict[str, Any] = {"__name__": "torch.nn.functional"}
    exec(compile("def linear(*args): return None", functional.__file__, "exec"), scope)
    return scope["linear"]


FORGED: dict[str, Callable[[], Any]] = {
    "code that claims torch's file": _claiming,
    "torch's wrapper around other code": lambda: torch._dynamo.disable(other),
    "torch's wrapper around a callable object": lambda: torch.no_grad()(_Callable()),
    "torch's wrapper around a partial": lambda: torch.no_grad()(functools.partial(other)),
    "torch's code with other globals": lambda: FunctionType(functional.relu.__code__, {"torch": None}),
}


@pytest.mark.parametrize("how", FORGED)
def test_forged_function_of_torch_is_reported(how: str) -> None:
    functional.relu = FORGED[how]()
    assert replaced_functions() == ["torch.nn.functional.relu"]


def test_genuine_wrapper_of_torch_is_accepted() -> None:
    before = functional.relu
    functional.relu = torch.no_grad()(before)
    assert replaced_functions() == []
    functional.relu = before
    assert replaced_functions() == []


# ------------------------------------------------------------------- functions changed in place


@pytest.mark.parametrize("function", [functional.relu, nn.Linear.forward, nn.Module._call_impl])
def test_code_changed_in_place_is_reported_and_restored(function: Any) -> None:
    before = function.__code__
    with pytest.raises(Violation, match=f"changed the code of .*{function.__name__} in place$"), Guard().watch():
        function.__code__ = other.__code__
    assert function.__code__ is before


def test_other_default_is_found_after_the_last_cell() -> None:
    before = functional.dropout.__defaults__
    with Guard().watch():
        functional.dropout.__defaults__ = (1.0, True, False)
    said = "leaked: the case changed the code of torch.nn.functional.dropout in place, in this cell or an earlier one"
    with pytest.raises(Violation, match=said), Guard().watch(last=True):
        pass
    assert functional.dropout.__defaults__ is before


# ------------------------------------------------------------------- functions of Python


@pytest.mark.parametrize(("home", "name"), [(math, "sqrt"), (copy, "deepcopy")])
def test_replaced_function_of_python_is_reported_and_undone(home: Any, name: str) -> None:
    before, patched = getattr(home, name), replaced_python_functions()
    with pytest.raises(Violation, match=f"replaced functions of Python: added {home.__name__}.{name}"), Guard().watch():
        setattr(home, name, other)
    assert getattr(home, name) is before
    assert replaced_python_functions() == patched  # the tests themselves replace subprocess.Popen


def test_every_public_module_of_torch_is_watched() -> None:
    homes = {getattr(home, "__name__", "") for home in FUNCTIONS._homes}
    assert {"torch", "torch.linalg", "torch.nn.functional", "torch.nn.utils.clip_grad", "torch.serialization"} <= homes
    assert {"Linear", "Module", "Tensor", "Optimizer", "SGD", "Parameter"} <= homes
