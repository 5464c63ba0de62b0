"""Escape and shorten text that comes from outside, for a terminal or a page."""

from __future__ import annotations

import re

_QUOTED = re.compile(r"(?P<quote>[\"'`])(?:file://)?(?P<path>/[^\"'`\n]+|[A-Za-z]:\\[^\"'`\n]+)(?P=quote)")
_BARE = re.compile(r"(?<![\w./\\~-])(?:file://)?(?P<path>/(?:[\w.+@~-]+/)+[\w.+@~-]*|[A-Za-z]:\\[^\s\"'`,;:]+)")
_IGNORED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that count as printable and are not seen: fillers, and selectors of variants."""

_BLANKS = frozenset("\xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))))
_LONGEST, _LONGEST_LINE = 20_000, 4_000
"""The length at which a text and a line of output are cut, in characters."""


def one_line(message: str, width: int = 400) -> str:
    """Return a message on one line, without invisible characters and shortened to `width` characters."""
    if len(message) > 10 * width:
        message = f"{message[: 10 * width]} ..."
    line = " ".join(visible(message, "\n\t\r").split())
    return line if len(line) <= width else f"{_whole_words(line[: width - 4])} ..."


def _whole_words(line: str) -> str:
    """Return a line that was cut, without the word in which it was, unless that word is most of it."""
    start, _, _ = line.rpartition(" ")
    return start.rstrip() if 2 * len(start) >= len(line) else line


def terminal_line(line: str) -> str:
    """Return a line as a terminal may print it: whatever a terminal would obey, or not show, is escaped."""
    return visible(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} ...")


def printable(message: str) -> str:
    """Return a text of several lines without invisible characters, and cut if it is very long."""
    if len(message) > _LONGEST:
        message = f"{message[:_LONGEST]} ... ({len(message) - _LONGEST} more characters)"
    return visible(message, "\n\t")


def visible(text: str, kept: str = "") -> str:
    """Return a text with every invisible character but spaces and those in `kept` escaped.

    Invisible are controls, which a terminal obeys, marks that turn or hide other text, and lone surrogates.
    """
    if text.isprintable() and (text.isascii() or not _IGNORED.search(text)):
        return text
    return "".join(one if _is_visible(one) or one in kept else ascii(one)[1:-1] for one in text)


def _is_visible(one: str) -> bool:
    return (one.isprintable() or one in _BLANKS) and not _IGNORED.match(one)


def shorten_paths(message: str) -> str:
    """Shorten every absolute path to the part after `site-packages`, or to the file name, which no machine changes."""
    if "/" not in message and "\\" not in message:
        return message
    quoted = _QUOTED.sub(_quoted_end, message)
    return _BARE.sub(lambda found: _end_of(found["path"]), quoted)


def _quoted_end(found: re.Match[str]) -> str:
    quote, path = found["quote"], found["path"]
    return found[0] if re.fullmatch("/[^/]*/?", path) else f"{quote}{_end_of(path)}{quote}"


def _end_of(path: str) -> str:
    parts = path.replace("\\", "/").rstrip("/").split("/")
    packages = [place for place, part in enumerate(parts) if part in ("site-packages", "dist-packages")]
    return "/".join(("...", *parts[packages[-1] if packages else -1 :]))
