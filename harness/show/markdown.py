"""Markdown primitives: escape text, and write links, code and table rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape


def link_suffix(link: str) -> str:
    """Return a Markdown link in parentheses, to follow a text; an empty string if there is no link."""
    return f" ([link](<{link.replace('&', '&amp;')}>))" if link else ""


def table_row(cells: Iterable[str]) -> str:
    """Return a row of a table; its cells are escaped."""
    return f"| {' | '.join(map(plain, cells))} |"


def plain(text: str) -> str:
    """Return a text on one line with all Markdown and HTML syntax escaped."""
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", escape(" ".join(text.split()), quote=False))


def code(text: str) -> str:
    """Return a code span on one line; the text may contain backticks."""
    line = " ".join(text.split())
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"
