"""The check of namespaces runs again after every change, and only then."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType

import pytest

from sparsecheck.process import namespaces
from sparsecheck.process.namespaces import Watch

CHANGES: dict[str, Callable[[ModuleType, type], object]] = {
    "set in a module": lambda module, _: setattr(module, "name", 2),
    "set among a module's names": lambda module, _: vars(module).update(name=2),
    "set by code of the module": lambda module, _: exec("global name\nname = 2", vars(module)),
    "added to a module": lambda module, _: setattr(module, "other", 1),
    "gone from a module": lambda module, _: delattr(module, "name"),
    "cleared": lambda module, _: vars(module).clear(),
    "set in a class": lambda _, one: setattr(one, "name", 2),
    "set by type itself": lambda _, one: type.__setattr__(one, "name", 2),
    "added to a class": lambda _, one: setattr(one, "other", 1),
    "gone from a class": lambda _, one: delattr(one, "name"),
}


class Watched:
    """A watched module and class, with the number of checks so far and the problems that the next one finds."""

    def __init__(self) -> None:
        self.module, self.one = ModuleType("module"), type("One", (), {"name": 1})
        self.module.__dict__["name"] = 1
        self.looked, self.wrong = 0, list[str]()
        self.watch = Watch([vars(self.module), vars(self.one)], self._look)

    def _look(self) -> list[str]:
        self.looked += 1
        return self.wrong


@pytest.fixture(params=[True, False], ids=["by version", "without"])
def watched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Watched:
    if not request.param:
        monkeypatch.setattr(namespaces, "version_offset", lambda: None)
    return Watched()


@pytest.mark.parametrize("name", CHANGES)
def test_check_runs_again_after_a_change(name: str, watched: Watched) -> None:
    assert watched.watch.find() == []
    CHANGES[name](watched.module, watched.one)
    watched.wrong.append(name)
    assert watched.watch.find() == [name]


def test_check_runs_again_while_it_finds_problems(watched: Watched) -> None:
    watched.wrong.append("name")
    assert watched.watch.find() == watched.watch.find() == ["name"]
    watched.wrong.clear()
    assert watched.watch.find() == []


def test_change_during_the_check_is_found_next_time() -> None:
    module, looks = ModuleType("module"), list[str]()

    def look() -> list[str]:
        vars(module)["other"] = len(looks)  # as a thread of someone's may
        looks.append("look")
        return []

    watch = Watch([vars(module)], look)
    assert watch.find() == watch.find() == []
    assert len(looks) == 2


def test_check_is_skipped_without_changes() -> None:
    watched = Watched()
    for _ in range(3):
        assert watched.watch.find() == []
    assert watched.looked == (1 if _torch_tells() else 3)


def _torch_tells() -> bool:
    """Return whether torch has reliable dictionary versions, which torch 2.2 on Python 3.12 has not."""
    try:
        guards = import_module("torch._C._dynamo.guards")
        return isinstance(guards.dict_version({}), int)
    except (ImportError, AttributeError, RuntimeError):
        return False
