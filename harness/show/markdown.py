"""Markdown primitives: escape text, and write links, code and table rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape


def linked(link: str) -> str:
    """Where a reason may be followed, to stand behind it; nothing without a link."""
    return f" ([link](<{link.replace('&', '&amp;')}>))" if link else ""


def table_row(cells: Iterable[str]) -> str:
    """One line of a table, whatever is in its cells."""
    return f"| {' | '.join(map(plain, cells))} |"


def plain(text: str) -> str:
    """On one line, with nothing that Markdown or HTML would read as its own."""
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", escape(" ".join(text.split()), quote=False))


def code(text: str) -> str:
    """A span of code on one line, whatever is in it."""
    line = " ".join(text.split())
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"
