"""No method of the protocol is left out where the answers of an adapter are checked."""

from __future__ import annotations

import ast
import copy
import inspect
from typing import Any, cast

import pytest
from torch import nn

from sparsecheck import Adapter, ParametrizedSparsified, Plan, Sparsified
from sparsecheck.process.guard import Guard
from sparsecheck.trials import type_checks
from sparsecheck.trials.type_checks import checked_sparsified, public_methods

ANSWERS_CHECKED = {"attach", "restore"}
"""The methods of an adapter whose answers `checked_sparsified` checks, where a trial calls them."""

OF_THE_HARNESS = {"refuse_unsupported", "declare"}
"""Those that adapters inherit and the harness defines."""


def written_out(cls: str) -> set[str]:
    """Return the methods that a class of `type_checks` defines in its own text."""
    [node] = [one for one in ast.parse(inspect.getsource(type_checks)).body if getattr(one, "name", "") == cls]
    return {one.name for one in cast("ast.ClassDef", node).body if isinstance(one, ast.FunctionDef)}


def test_every_method_of_a_sparsified_has_a_check_of_its_own() -> None:
    """Add a new one to `_Checked`: until then it is passed on, but its answer is of any type."""
    assert set(public_methods(Sparsified)) <= written_out("_Checked")


def test_every_method_of_an_adapter_is_checked_or_belongs_to_the_harness() -> None:
    assert set(public_methods(Adapter)) == ANSWERS_CHECKED | OF_THE_HARNESS


def test_a_method_without_a_check_is_the_sparsifiers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A protocol method of tomorrow: its default must not answer in the place of the sparsifier's own."""
    monkeypatch.setattr(Sparsified, "describe", lambda self: "the default", raising=False)

    class Describing(ParametrizedSparsified):
        def describe(self) -> str:
            return "its own"

    own = Describing(nn.Linear(2, 2), Plan({}))
    checked: Any = checked_sparsified(own, "attach", Guard())
    assert checked.describe() == "its own"


def test_a_checked_sparsifier_is_copied_as_its_own_is() -> None:
    """What the guard of a cell holds, such as modules and streams, cannot be copied, and is not the sparsifier's."""
    own, guard = ParametrizedSparsified(nn.Linear(2, 2), Plan({})), Guard()
    with guard.watch():
        copied = copy.deepcopy(checked_sparsified(own, "attach", guard))
        assert copied.model is not own.model
        copied.model.requires_grad_(False)
    assert all(one.requires_grad for one in own.model.parameters())
