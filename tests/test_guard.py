"""Changes that a case makes to the process are reported and undone, so that no verdict depends on earlier cells."""

from __future__ import annotations

import inspect
import random
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from sparsecheck import Violation
from sparsecheck.process.guard import Guard
from sparsecheck.process.imports import watched_import
from sparsecheck.process.setting import Unreadable
from sparsecheck.process.settings import SET_BY_CASES, SETTINGS, settings
from sparsecheck.process.torch_functions import replaced_functions
from tests.deeds import DEEDS, UNDONE_BY_NOBODY, dense_linear

CHANGED = [name for name in DEEDS if name in settings()]
IN_THE_WAY = ("depth of functorch", "stack of torch function modes", "stack of torch dispatch modes")
"""Settings under which, as the tests change them, no random state can be read."""
PRECISIONS: dict[str, Callable[[], object]] = {
    "TF32": lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
    "TF32 of convolutions": lambda: setattr(torch.backends.cudnn, "allow_tf32", True),
    "a kind of mkldnn": lambda: torch._C._set_fp32_precision_setter("mkldnn", "matmul", "bf16"),
}
DRAWS: dict[str, Callable[[], object]] = {
    "torch": lambda: torch.rand(()), "numpy": lambda: np.random.rand(), "python": random.random,
}


def _spoil(name: str) -> None:
    DEEDS[name]()
    raise ZeroDivisionError


class _OwnWarning(UserWarning):
    """The category of a package with warnings of its own."""


@pytest.mark.parametrize("name", CHANGED)
def test_changed_setting_is_reported_and_restored(name: str) -> None:
    before = settings()
    with pytest.raises(Violation, match=f"leaked: the case changed .*the {re.escape(name)}"), Guard().watch():
        DEEDS[name]()
    assert settings() == before


@pytest.mark.parametrize("name", PRECISIONS)
def test_every_part_of_the_precision_is_reported_and_restored(name: str) -> None:
    before = settings()
    with pytest.raises(Violation, match="leaked: the case changed the precision of float32: "), Guard().watch():
        PRECISIONS[name]()
    assert settings() == before


@pytest.mark.parametrize("name", CHANGED)
def test_setting_is_restored_after_a_failure(name: str) -> None:
    before = settings()
    with pytest.raises(ZeroDivisionError), Guard().watch():
        _spoil(name)
    assert settings() == before


def test_setting_that_cannot_be_restored_is_reported_once() -> None:
    first, mode = Guard(), torch.inference_mode()
    try:
        with pytest.raises(Violation, match="leaked: the case changed the grad mode to False"), first.watch():
            mode.__enter__()
        assert first.left["inference mode"]
        with Guard().watch(first.left):
            pass
    finally:
        mode.__exit__(None, None, None)


@pytest.mark.parametrize("name", CHANGED)
def test_changes_by_attach_are_restored_silently(name: str) -> None:
    guard = Guard()
    with guard.watch():
        within = settings()
        with guard.contain():
            DEEDS[name]()
            assert settings()[name] != within[name]
        assert settings() == within


@pytest.mark.parametrize("name", DRAWS)
def test_undeclared_random_draw_is_reported(name: str) -> None:
    with pytest.raises(Violation, match=f"leaked: the case changed the global random state of {name}"), Guard().watch():
        DRAWS[name]()
    with Guard(draws=True).watch():
        DRAWS[name]()


@pytest.mark.parametrize("name", DRAWS)
def test_random_draw_in_attach_is_noted(name: str) -> None:
    guard = Guard()
    with guard.watch():
        with guard.contain():
            DRAWS[name]()
        assert guard.moved == [name]


@pytest.mark.parametrize("name", [name for name in CHANGED if name in SET_BY_CASES and name not in IN_THE_WAY])
def test_what_the_case_itself_has_set_is_neither_noted_nor_undone(name: str) -> None:
    guard = Guard()
    with guard.keep():
        with guard.contain():
            pass
        DEEDS[name]()
        within = settings()
        with guard.contain():
            pass
        assert (guard.changed, settings()) == ([], within)


def test_replaced_function_of_a_rarely_used_module_is_reported_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Guard()
    with pytest.raises(Violation, match=r"replaced functions of torch: added torch.special.expit$"), guard.watch():
        _replace_in_attach(guard, monkeypatch)
    assert guard.changed == []


def _replace_in_attach(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    with guard.contain():
        monkeypatch.setattr(torch.special, "expit", dense_linear)


def test_case_can_seed() -> None:
    guard = Guard()
    with guard.watch():
        guard.seed(1)


def test_replacement_by_torch_itself_does_not_count() -> None:
    compiled = torch.compile(nn.Linear(2, 2), backend="eager")
    compiled(torch.ones(1, 2))
    assert replaced_functions() == []


@pytest.mark.parametrize("other", [dense_linear, ANY, None], ids=["another", "equal to all", "none"])
def test_replaced_function_is_reported_until_it_is_restored(
    other: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functional, "linear", other)
    assert replaced_functions() == replaced_functions() == ["torch.nn.functional.linear"]
    monkeypatch.undo()
    assert replaced_functions() == []


@pytest.mark.parametrize(("home", "name"), [(torch, "relu"), (nn.LSTM, "forward"), (torch.optim.SGD, "step")])
def test_deleted_function_is_reported(home: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(home, name)
    assert replaced_functions() == [f"{home.__name__}.{name}"]


def test_warning_filters_for_a_packages_own_warnings_are_ignored() -> None:
    with warnings.catch_warnings(), Guard().watch():
        warnings.simplefilter("ignore", _OwnWarning)
        warnings.filterwarnings("ignore", module="of_ones_own")


def test_every_setting_is_tested_or_can_be_restored_by_nobody() -> None:
    assert set(settings()) - set(DEEDS) == UNDONE_BY_NOBODY
    assert {one.name for one in SETTINGS if one.put is None} == UNDONE_BY_NOBODY


def test_every_setting_can_be_read() -> None:
    assert [name for name, value in settings().items() if isinstance(value, Unreadable)] == []


def test_random_states_are_equal_in_every_cell() -> None:
    drawn = []
    for _ in range(2):
        with Guard(draws=True).watch():
            drawn.append((random.random(), float(np.random.rand()), float(torch.rand(()))))
    assert drawn[0] == drawn[1]


def _depth() -> int:
    return len(inspect.stack(0))


def test_low_recursion_limit_is_reported_alone_and_does_not_outlive_its_cell() -> None:
    limit = sys.getrecursionlimit()
    said = rf"^leaked: the case changed the recursion limit to {_depth() + 20}, expected {limit}$"
    with pytest.raises(Violation, match=said), Guard().watch():
        sys.setrecursionlimit(_depth() + 20)
    assert sys.getrecursionlimit() == limit
    with Guard().watch():
        pass


def test_change_that_cannot_be_undone_is_said_to_remain() -> None:
    mode = torch.inference_mode()
    try:
        said = "the inference mode to True, expected False, which cannot be undone"
        with pytest.raises(Violation, match=said), Guard().watch():
            mode.__enter__()
    finally:
        mode.__exit__(None, None, None)


def test_change_by_an_import_is_noted_and_undone_unless_a_package_may_need_it() -> None:
    limit, path = sys.getrecursionlimit(), [*sys.path]
    try:
        with watched_import() as changes:
            sys.setrecursionlimit(limit + 1)
            sys.path.append("/of/a/package")
            torch.rand(())
        assert changes == [
            f"the recursion limit to {limit + 1}, expected {limit}", "the import path: added /of/a/package",
            "the global random state of torch",
        ]
        assert (sys.getrecursionlimit(), sys.path) == (limit, [*path, "/of/a/package"])
    finally:
        sys.path[:] = path
