"""Escape and shorten untrusted text for a terminal or a page."""

from __future__ import annotations

import re
from textwrap import shorten

_QUOTED = re.compile(r"(?P<quote>[\"'`])(?:file://)?(?P<path>/[^\"'`\n]*/[^\"'`\n]+|[A-Za-z]:\\[^\"'`\n]+)(?P=quote)")
_BARE = re.compile(r"(?<![\w./\\~-])(?:file://)?(?P<path>/(?:[\w.+@~-]+/)+[\w.+@~-]*|[A-Za-z]:\\[^\s\"'`,;:]+)")


def one_line(message: str, width: int = 400) -> str:
    """Return a message on one line, without control characters and shortened to `width` characters."""
    return shorten(printable(message), width, placeholder=" ...")


def printable(message: str) -> str:
    """Return a message with every character escaped that is neither printable nor white space."""
    if message.isprintable():
        return message
    return "".join(one if one.isprintable() or one.isspace() else repr(one)[1:-1] for one in message)


def shorten_paths(message: str) -> str:
    """Shorten every absolute path to the part after `site-packages`, or to the file name, which no machine changes."""
    if "/" not in message and "\\" not in message:
        return message
    quoted = _QUOTED.sub(lambda found: found["quote"] + _end_of(found["path"]) + found["quote"], message)
    return _BARE.sub(lambda found: _end_of(found["path"]), quoted)


def _end_of(path: str) -> str:
    parts = path.replace("\\", "/").rstrip("/").split("/")
    packages = [place for place, part in enumerate(parts) if part in ("site-packages", "dist-packages")]
    return "/".join(("...", *parts[packages[-1] if packages else -1 :]))
