"""A refusal is raised on purpose; a crash is none, whatever its message says."""

from __future__ import annotations

import enum
import importlib
import re
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from sparsecheck import Adapter, Plan, Refusal, Unstructured
from sparsecheck.adapter.holders import place
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.trials.raise_site import is_deliberate, is_in_adapter

MODEL = nn.Sequential(nn.Linear(4, 4))
KNOWN: dict[str, Any] = {}


class Colour(enum.Enum):
    RED = 1


class Reading:
    """Raises where an attribute or item is looked up."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no attribute {name}")

    def __getitem__(self, name: str) -> Any:
        raise KeyError(f"no item {name}")


def plain() -> None:
    raise ValueError("layer1.weight is no matrix")


def chained() -> None:
    try:
        KNOWN["layer1.weight"]
    except KeyError as error:
        raise ValueError("layer1.weight is unknown") from error


def hidden() -> None:
    try:
        KNOWN["layer1.weight"]
    except KeyError:
        raise ValueError("layer1.weight is unknown") from None


def look_up(name: str) -> object:
    return KNOWN[name]


def caught_where_it_is_looked_up() -> None:
    try:
        KNOWN["layer1.weight"]
    except Exception as error:
        raise ValueError("layer1.weight is unknown") from error


def caught_by_its_type() -> None:
    try:
        look_up("layer1.weight")
    except KeyError as error:
        raise ValueError("layer1.weight is unknown") from error


def caught_from_torch() -> None:
    try:
        nn.functional.conv2d(torch.ones(2), torch.ones(3))
    except Exception as error:
        raise ValueError("layer1.weight has a shape that torch does not support") from error


def refusal_caught_and_reworded() -> None:
    try:
        plain()
    except Exception as error:
        raise ValueError("layer1.weight is refused") from error


def every_crash_caught() -> None:
    try:
        look_up("layer1.weight")
    except Exception as error:
        raise ValueError("layer1.weight is unknown") from error


def every_crash_caught_and_hidden() -> None:
    try:
        look_up("layer1.weight")
    except (TypeError, BaseException):
        raise ValueError("layer1.weight is unknown") from None


def every_crash_caught_and_raised_elsewhere() -> None:
    try:
        attribute_of_none()
    except:  # noqa: E722
        plain()


def through_finally() -> None:
    try:
        with torch.no_grad():
            plain()
    finally:
        KNOWN.clear()


def passed_on() -> None:
    try:
        plain()
    except ValueError:
        raise


def in_a_generator() -> None:
    def names() -> Any:
        yield "layer1.weight"
        raise TypeError("layer1.weight is the last")

    list(names())


def made_before() -> None:
    error = ValueError("layer1.weight is unknown")
    if KNOWN == {}:
        raise error


def after_a_true_assert() -> None:
    assert KNOWN == {}, f"there is {KNOWN}"
    raise ValueError("layer1.weight is unknown")


def assertion_error_by_raise() -> None:
    if not KNOWN:
        raise AssertionError("layer1.weight is unknown")


def lookup() -> None:
    KNOWN["layer1.weight"]


def lookup_passed_on() -> None:
    try:
        KNOWN["layer1.weight"]
    except KeyError:
        raise


def lookup_raised_again() -> None:
    try:
        KNOWN["layer1.weight"]
    except KeyError as error:
        raise error


def attribute_of_none() -> None:
    none: Any = None
    none.weight  # noqa: B018


def unpacking() -> None:
    shape: Any = (1, 2, 3)
    rows, columns = shape
    KNOWN[rows] = columns


def kernel() -> None:
    torch.ones(2, 3) @ torch.ones(2, 3)


def assert_that_pytest_rewrites() -> None:
    assert "layer1.weight" in KNOWN, "layer1.weight is unknown"


def unknown_member() -> None:
    Colour("blue")


def missing_import() -> None:
    importlib.import_module("layer1.weight")


def numpy_of_its_own() -> None:
    np.broadcast_to(np.ones(3), (2,))


def own_attribute() -> None:
    Reading().weight  # noqa: B018


def own_item() -> None:
    Reading()["layer1.weight"]


def attribute_of_a_module() -> None:
    MODEL.weight  # noqa: B018


def setting_a_module_attribute() -> None:
    MODEL[0].weight = torch.ones(2)


def unknown_submodule() -> None:
    MODEL.get_submodule("layer1")


def unknown_parameter() -> None:
    MODEL.get_parameter("0.nothing")


def unknown_place() -> None:
    place(MODEL, "0.nothing")


def other_state() -> None:
    MODEL.load_state_dict({"0.weight": torch.ones(2, 2)})


def too_much_pruned() -> None:
    prune.l1_unstructured(MODEL[0], "weight", amount=3.0)


def unknown_parametrization() -> None:
    parametrize.register_parametrization(MODEL[0], "nothing", nn.Identity())


def by_the_adapter() -> None:
    class NoPatterns(ExemplarAdapter):
        supported, unsupported = "linear", " ".join(ExemplarAdapter.supported.split()[1:])

    NoPatterns().refuse_unsupported(Plan({"0.weight": Unstructured(0.5)}))


def raised(act: Callable[[], object]) -> Exception:
    """Return what `act` raises."""
    try:
        act()
    except Exception as error:
        return error
    pytest.fail(f"{act.__name__} raised nothing")


@pytest.mark.parametrize(
    "act",
    [
        plain, chained, hidden, through_finally, passed_on, in_a_generator, made_before, after_a_true_assert,
        assertion_error_by_raise, unknown_submodule, unknown_parameter, unknown_place, other_state, too_much_pruned,
        unknown_parametrization, by_the_adapter, caught_where_it_is_looked_up, caught_by_its_type, caught_from_torch,
        refusal_caught_and_reworded,
    ],
)
def test_a_raise_statement_is_deliberate(act: Callable[[], object]) -> None:
    assert is_deliberate(raised(act))


@pytest.mark.parametrize(
    "act",
    [
        lookup, lookup_passed_on, lookup_raised_again, attribute_of_none, unpacking, kernel,
        assert_that_pytest_rewrites, unknown_member, missing_import, numpy_of_its_own, own_attribute, own_item,
        attribute_of_a_module, setting_a_module_attribute, every_crash_caught, every_crash_caught_and_hidden,
        every_crash_caught_and_raised_elsewhere,
    ],
)
def test_a_crash_is_not_deliberate(act: Callable[[], object]) -> None:
    assert not is_deliberate(raised(act))


def test_an_error_that_was_never_raised_is_not_deliberate() -> None:
    assert not is_deliberate(ValueError("layer1.weight"))


@pytest.mark.parametrize(
    ("code", "deliberate"),
    [
        ("assert not names", False),
        ("assert not names, f'{names} are {sorted(names)}'", False),
        ("if len(names) > 1: raise ValueError('many')\n    assert not names, 'some'", False),
        ("assert names, 'none'\n    raise ValueError('some')", True),
        ("if names: raise AssertionError('some')", True),
    ],
)
def test_an_assert_is_a_crash_and_a_raised_assertion_error_is_none(code: str, deliberate: bool) -> None:
    names: dict[str, Any] = {}
    exec(f"def act(names=('layer1.weight',)):\n    {code}", names)
    assert is_deliberate(raised(names["act"])) is deliberate


STDLIB, TORCH = sysconfig.get_path("stdlib"), str(Path(torch.__file__).parent)


@pytest.mark.parametrize(
    ("file", "function", "deliberate"),
    [
        ("/home/me/acme/pruner.py", "prune", True),
        (f"{STDLIB}/site-packages/acme/pruner.py", "prune", True),
        (f"{STDLIB}/dist-packages/acme/pruner.py", "prune", True),
        (f"{STDLIB}/enum.py", "prune", False),
        (f"{Path(np.__file__).parent}/lib/shape.py", "prune", False),
        (f"{TORCH}/ao/pruning/sparsifier.py", "prune", True),
        (f"{TORCH}/nn/utils/prune.py", "prune", True),
        (f"{TORCH}/sparse/semi_structured.py", "prune", True),
        (f"{TORCH}/nn/functional.py", "prune", False),
        (f"{TORCH}/nn/modules/module.py", "register_parameter", False),
        (f"{TORCH}/nn/modules/module.py", "load_state_dict", True),
        (f"{TORCH}/optim/optimizer.py", "load_state_dict", False),
        ("<frozen importlib._bootstrap>", "prune", False),
        ("/home/me/acme/pruner.py", "__getattr__", False),
        ("/home/me/acme/pruner.py", "__missing__", False),
    ],
)
def test_the_code_that_raises_must_answer_for_the_sparsifier(file: str, function: str, deliberate: bool) -> None:
    names: dict[str, Any] = {}
    exec(compile(f"def {function}():\n    raise ValueError('layer1.weight')", file, "exec"), names)
    assert is_deliberate(raised(names[function])) is deliberate


class OfThisFile(ExemplarAdapter):
    def refuse(self) -> None:
        raise ValueError("layer1.weight")


@pytest.mark.parametrize(
    ("act", "adapter", "is_own"),
    [
        (OfThisFile().refuse, OfThisFile(), True),
        (plain, ExemplarAdapter(), False),
        (by_the_adapter, OfThisFile(), True),
        (too_much_pruned, OfThisFile(), False),
    ],
)
def test_the_adapter_is_told_apart_from_the_package(act: Callable[[], object], adapter: Adapter, is_own: bool) -> None:
    assert is_in_adapter(raised(act), adapter) is is_own
    assert not is_in_adapter(ValueError("layer1.weight"), adapter)


def test_what_an_adapter_refuses_for_its_package_names_parameter_and_pattern() -> None:
    error = raised(by_the_adapter)
    assert isinstance(error, Refusal)
    assert re.match(r"0\.weight: .*Unstructured", str(error))
