"""docs/process.md lists every setting that is watched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sparsecheck.process.python_functions import WATCHED_MODULES
from sparsecheck.process.settings import SETTINGS

PAGE = Path(__file__).parents[1] / "docs" / "process.md"


@pytest.mark.parametrize("name", [one.name for one in SETTINGS])
def test_setting_is_listed(name: str) -> None:
    assert f"\n| {name} |" in PAGE.read_text("utf-8")


def test_marks_are_those_of_the_settings() -> None:
    rows = re.findall(r"^\| (.+?) \| (.*?) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    marks = dict(rows)
    for one in SETTINGS:
        assert ("reported once, cannot be undone" in marks[one.name]) is (one.put is None), one.name
        assert ("stays after the import" in marks[one.name]) is one.needed, one.name


def test_watched_modules_of_python_are_listed() -> None:
    text = PAGE.read_text("utf-8")
    assert [name for name in WATCHED_MODULES if f"`{name}`" not in text] == []
