"""Add one key to a TOML file and keep the rest of its text. Does not import torch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from ... import reading
from .package import CannotScaffold

_HEAD = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?")


class AlreadyThere(CannotScaffold):
    """Raised if the key already has another value."""


class NotPlain(CannotScaffold):
    """Raised if the file's layout does not allow a line to be added; the message says which line to add by hand."""


def add_key(text: str, table: Sequence[str], key: str, value: Any) -> str:
    """Return TOML text with `key = value` in a table, which is appended if it does not exist.

    Args:
        text: The TOML text.
        table: The names that lead to the table.
        key: The key.
        value: A string or a list of strings.

    Raises:
        AlreadyThere: The key has another value.
        NotPlain: No line can be added, because of the layout of the file.
    """
    data = reading.parse_toml(text)
    inner = _inner(data, table)
    if inner is not None and key in inner:
        if inner[key] == value:
            return text
        raise AlreadyThere(f"pyproject.toml already has {key} = {_toml(inner[key])} in {_head(table)}")
    line = f"{_key(key)} = {_toml(value)}"
    new = _with_line(text, table, line)
    if inner is None or not _parses_to(new, _with(data, table, key, value)):
        raise NotPlain(f"pyproject.toml: no line can be added to {_head(table)}; add {line} by hand")
    return new


def _inner(data: dict[str, Any], table: Sequence[str]) -> dict[str, Any] | None:
    """Return a table, empty if it does not exist; None if there is a value of another type in its place."""
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


def _parses_to(text: str, data: Mapping[str, Any]) -> bool:
    try:
        return reading.parse_toml(text) == data
    except reading.Malformed:
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
    """Return the names in the header of a table."""
    try:
        data, path = reading.parse_toml(line), []
    except reading.Malformed:
        return []
    while data:
        [(name, data)] = data.items()
        path.append(name)
    return path


def _end(lines: Sequence[str], start: int, end: int) -> int:
    """Return the position after the last line between the two that is neither empty nor a comment."""
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith(("#", "["))):
        end -= 1
    return end


def _head(table: Sequence[str]) -> str:
    return f"[{'.'.join(map(_key, table))}]"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
