"""A word of memory in each of many objects shows which of them have changed."""

from __future__ import annotations

import sys

import pytest

from sparsecheck.process.namespaces import Changes, version_offset
from sparsecheck.process.words import Words, changed_offset, differing, pointer_offset


def one() -> int:
    return 1


def two() -> int:
    return 2


def test_code_put_in_place_of_other_code_is_seen() -> None:
    functions = [lambda: 0, lambda: 1, lambda: 2]
    offset = pointer_offset(functions[0], functions[0].__code__)
    assert offset is not None
    words = Words(functions, offset)
    before = words.read()
    assert words.read() == before
    functions[1].__code__ = one.__code__
    assert differing(before, words.read()) == [1]


def test_pointer_that_is_absent_or_there_twice_has_no_place() -> None:
    assert pointer_offset(one, two.__code__) is None
    name = "a name that nothing else has"
    assert pointer_offset(slice(name, name), name) is None


def test_offset_is_that_of_the_only_word_that_changes() -> None:
    holder = slice(1, 2)
    assert changed_offset(holder, lambda: None) is None


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="newer Pythons need not keep versions of dictionaries")
def test_version_of_a_dictionary_is_found() -> None:
    assert version_offset() is not None


@pytest.mark.parametrize("has_versions", [True, False])
def test_changed_namespaces_are_named_by_position(has_versions: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_versions:
        monkeypatch.setattr("sparsecheck.process.namespaces.version_offset", lambda: None)
    kinds = [type(name, (), {"name": 1}) for name in "abc"]
    changes = Changes(vars(kind) for kind in kinds)
    assert changes.find() == []
    type.__setattr__(kinds[1], "name", 2)
    assert changes.find() == [1]
    assert changes.find() == []
