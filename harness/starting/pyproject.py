"""An entry point, and the file beside the adapter, added to the text of a pyproject.toml; all else stays as written."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

from .project import CannotStart, Project

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GROUP = "sparsecheck.sparsifiers"


class NameTaken(CannotStart):
    """The project has a sparsifier of that name."""


class NotPlain(CannotStart):
    """The file is written so that nothing can be added to it without knowing what was meant."""


def registered(project: Project, name: str, value: str) -> str:
    """The text with entry point `name` = `value` in it, and the expectations among the package's data where that must
    be said.

    Raises:
        NameTaken, NotPlain
    """
    path = _group_path(project)
    if name in _at(project.data, path):
        where = project.folder / "pyproject.toml"
        raise NameTaken(f"{where} has a sparsifier {name} already; name another with --name")
    line = f"{_key(name)} = {json.dumps(value)}"
    text = _with_line(project.text, path, line)
    if project.backend.startswith("setuptools"):
        text = _with_data(text, project)
    _check(text, project, (*path, name), value)
    return text


def _group_path(project: Project) -> tuple[str, ...]:
    return ("tool", "poetry", "plugins", GROUP) if project.is_poetry else ("project", "entry-points", GROUP)


def _with_line(text: str, path: tuple[str, ...], line: str) -> str:
    """With `line` first in the table at `path`, which is appended if it is not there."""
    header = "[" + ".".join(_key(part) for part in path) + "]"
    spelled = r"\s*\.\s*".join(f"[\"']?{re.escape(part)}[\"']?" for part in path)
    if found := re.search(rf"^[ \t]*\[\s*{spelled}\s*\][^\n]*$", text, re.MULTILINE):
        return f"{text[: found.end()]}\n{line}{text[found.end() :]}"
    return f"{text.rstrip()}\n\n{header}\n{line}\n"


def _with_data(text: str, project: Project) -> str:
    """setuptools puts only Python files into a wheel, unless it is told."""
    path = ("tool", "setuptools", "package-data")
    if project.package in _at(project.data, path):
        return text
    return _with_line(text, path, f'{_key(project.package)} = ["*.expectations.toml"]')


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _at(data: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    for part in path:
        data = data.get(part, {}) if isinstance(data, Mapping) else {}
    return data if isinstance(data, Mapping) else {}


def _check(text: str, project: Project, path: tuple[str, ...], value: str) -> None:
    """That the text says so now, and that it is read at all."""
    where = project.folder / "pyproject.toml"
    table = "[" + ".".join(_key(part) for part in path[:-1]) + "]"
    by_hand = f"add it by hand: {table} {_key(path[-1])} = {json.dumps(value)}"
    try:
        seen = _at(tomllib.loads(text), path[:-1]).get(path[-1])
    except tomllib.TOMLDecodeError:
        seen = None
    if seen != value:
        raise NotPlain(f"{where} has its entry points in a form that cannot be added to; {by_hand}")
    if "entry-points" in project.data.get("project", {}).get("dynamic", ()):
        raise NotPlain(f"{where} leaves its entry points to another file (dynamic); {by_hand}, or there")
