"""Markdown primitives: escape text, and write links, code and table rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from .escaping import one_line

_WIDTH = 2_000
"""The length at which a text is cut, in characters."""


def link_suffix(link: str) -> str:
    """Return a Markdown link in parentheses, to follow a text; an empty string if there is no link.

    Only links to the web become links; any other text is shown as it is.
    """
    if not link.startswith(("https://", "http://")):
        return f" ({plain(link)})" if link else ""
    return f" ([link](<{quote(link[:_WIDTH], _OF_LINKS, errors='replace').replace('&', '&amp;')}>))"


_OF_LINKS = "".join(map(chr, range(0x21, 0x7F))).translate(dict.fromkeys(map(ord, '<>"\\`|')))


def table_row(cells: Iterable[str]) -> str:
    """Return a row of a table; its cells are escaped."""
    return f"| {' | '.join(map(plain, cells))} |"


def plain(text: str) -> str:
    """Return a text on one line with all Markdown and HTML syntax, and all invisible characters, escaped."""
    return re.sub(r"([\\`*_\[\]|~#$])", r"\\\1", escape(one_line(text, _WIDTH), quote=False))


def code(text: str) -> str:
    """Return a code span on one line; the text may contain backticks."""
    line = one_line(text, _WIDTH)
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"
