"""A line more in a TOML file, whose text stays as it is otherwise. No torch here."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from .package import CannotStart

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HEAD = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?")


class AlreadyThere(CannotStart):
    """The key has another value already."""


class NotPlain(CannotStart):
    """The file is written so that a line cannot be added; says which to add by hand."""


def added(text: str, table: Sequence[str], key: str, value: Any) -> str:
    """TOML `text` with `key` = `value` in `table`, which is appended if it is not there; the same text if it says so.

    Raises:
        AlreadyThere, NotPlain
    """
    wanted = tomllib.loads(text)
    inner = _inner(wanted, table)
    if inner is not None and key in inner:
        if inner[key] == value:
            return text
        raise AlreadyThere(f"pyproject.toml has {key} = {_toml(inner[key])} in {_head(table)} already")
    line = f"{_key(key)} = {_toml(value)}"
    new = _with_line(text, table, line)
    if inner is None or not _says(new, _with(wanted, table, key, value)):
        raise NotPlain(f"pyproject.toml: nothing can be added to {_head(table)}; add {line} by hand")
    return new


def _inner(data: dict[str, Any], table: Sequence[str]) -> dict[str, Any] | None:
    """The table, empty if it is not there; None if something else is."""
    inner: Any = data
    for name in table:
        inner = inner.get(name, {}) if isinstance(inner, dict) else None
    return inner if isinstance(inner, dict) else None


def _with(data: Mapping[str, Any], table: Sequence[str], key: str, value: Any) -> dict[str, Any]:
    whole = deepcopy(dict(data))
    inner = whole
    for name in table:
        inner = inner.setdefault(name, {})
    inner[key] = value
    return whole


def _says(text: str, data: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == data
    except tomllib.TOMLDecodeError:
        return False


def _with_line(text: str, table: Sequence[str], line: str) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += end
    heads = [at for at, one in enumerate(lines) if _HEAD.fullmatch(one.rstrip("\r\n"))]
    for at in heads:
        if _path(lines[at]) == list(table):
            place = _end(lines, at, min((other for other in heads if other > at), default=len(lines)))
            return "".join((*lines[:place], line + end, *lines[place:]))
    return "".join((*lines, end if lines else "", _head(table) + end, line + end))


def _path(line: str) -> list[str]:
    """The names in a table's head."""
    try:
        data, path = tomllib.loads(line), []
    except tomllib.TOMLDecodeError:
        return []
    while data:
        [(name, data)] = data.items()
        path.append(name)
    return path


def _end(lines: Sequence[str], start: int, end: int) -> int:
    """Behind the last line between the two that is neither empty nor a comment."""
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith(("#", "["))):
        end -= 1
    return end


def _head(table: Sequence[str]) -> str:
    return f"[{'.'.join(map(_key, table))}]"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
