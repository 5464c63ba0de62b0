"""What others wrote, for a terminal."""

from __future__ import annotations

from textwrap import shorten


def one_line(message: str, width: int = 400) -> str:
    """Whole in the report; here as much as can be read at a glance, and nothing that a terminal would obey."""
    printable = "".join(one if one.isprintable() or one.isspace() else repr(one)[1:-1] for one in message)
    return shorten(printable, width, placeholder=" ...")
