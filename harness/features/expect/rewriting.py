"""Rewrite an expectation file, and keep everything unchanged that people wrote, including comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import SparsecheckError
from ...report.expectation import Expectation, InvalidExpectations
from ...report.expectation_file import DEFECT, KNOWN, parse_entries
from .proposal import Proposal

if TYPE_CHECKING:
    from tomlkit.items import Table

KEYS = (
    "id", "sparsifiers", "requirements", "cells", "layer", "pattern", "dtype", "device", "torch", "version", "platform",
    "until", "signatures", "reason", "link",
)
"""All keys of an entry, in the order in which they are written."""
_WIDTH = 112


class TomlkitMissing(SparsecheckError):
    """Raised if entries must be changed, but tomlkit, which preserves comments and order, is not installed."""


def rewritten(text: str, where: str, proposal: Proposal) -> str:
    """Return the text of the file with the proposed entries.

    An entry that is deleted takes the comment directly above it along. In an entry that is changed, all other keys keep
    their place, form and comments. In a file of the older form, all entries are rewritten; an entry that replaces
    several has the comments of all of them above it.

    Args:
        text: The content of the file.
        where: The name of the file in messages.
        proposal: The proposal for its entries.

    Raises:
        InvalidExpectations: The entries are not written as tables, so that they cannot be changed individually.
        TomlkitMissing: Entries must be changed, but tomlkit is not installed.
    """
    entries = parse_entries(text, where)
    is_kept = proposal.revised == tuple((entry,) for entry in entries)
    if is_kept and not proposal.added:
        return text
    kept = (text if is_kept else _revised(text, where, entries, proposal)).rstrip("\r\n")
    new = "\n\n".join(part for part in (kept, rendered(proposal.added).rstrip("\n")) if part)
    new = new + "\n" if new else ""
    if parse_entries(new, where) != proposal.entries:
        raise InvalidExpectations(f"{where} cannot be rewritten with the proposed entries", "Edit it by hand.")
    return new


@dataclass(frozen=True)
class _Piece:
    """The text of one entry.

    Attributes:
        comment: The comment directly above it.
        table: Its keys.
        content: The entry itself.
        after: The lines below it, up to the comment of the next entry.
    """

    comment: str
    table: Table
    content: str
    after: str


def _revised(text: str, where: str, entries: Sequence[Expectation], proposal: Proposal) -> str:
    head, pieces = _split(text, where)
    if any(not entry.id for entry in entries):
        return head + _renewed(entries, pieces, proposal.revised)
    parts = [head]
    for piece, entry, row in zip(pieces, entries, proposal.revised, strict=True):
        if row == (entry,):
            parts += [piece.comment, piece.content, piece.after]
        elif row:
            others = f"\n{rendered(row[1:])}" if row[1:] else ""
            parts += [piece.comment, _changed(piece, row[0]), others, piece.after]
        else:
            parts.append(piece.after.lstrip("\r\n"))
    return "".join(parts)


def _split(text: str, where: str) -> tuple[str, list[_Piece]]:
    """Split a text into the part before the first entry with its comment, and the entries.

    Raises:
        InvalidExpectations: The entries are not written as tables.
        TomlkitMissing: tomlkit is not installed.
    """
    try:
        import tomlkit
        from tomlkit.items import AoT
    except ImportError:
        needed = "entries must be changed, which needs tomlkit"
        raise TomlkitMissing(f"{where}: {needed}", "Install 'sparsecheck[expect]'.") from None

    document = tomlkit.parse(text)
    name = KNOWN if KNOWN in document else DEFECT
    entries = document[name]
    if not isinstance(entries, AoT):
        raise InvalidExpectations(f"{where}: the entries are in one array", f"Write each as [[{DEFECT}]].")
    top = (item.as_string() for key, item in document.body if key is None)
    head, comment = _parted("".join(top))
    pieces = []
    for table in entries.body:
        content, trailing = _contents(name, table)
        is_last = table is entries.body[-1]
        after, following = (trailing, "") if is_last else _parted(trailing)
        pieces.append(_Piece(comment, table, content, after))
        comment = following
    return head, pieces


def _contents(name: str, table: Table) -> tuple[str, str]:
    """Return the text of a table up to its last key, and the rest, which is removed from the table."""
    import tomlkit

    body = table.value.body
    last = max((at for at, (key, _) in enumerate(body) if key is not None), default=-1)
    trailing = "".join(item.as_string() for _, item in body[last + 1 :])
    del body[last + 1 :]
    document, tables = tomlkit.document(), tomlkit.aot()
    tables.append(table)
    document.add(name, tables)
    return document.as_string(), trailing


def _parted(text: str) -> tuple[str, str]:
    """Split a text into the part before its trailing comment, and the comment."""
    lines = text.splitlines(keepends=True)
    at = len(lines)
    while at > 0 and lines[at - 1].lstrip().startswith("#"):
        at -= 1
    return "".join(lines[:at]), "".join(lines[at:])


def _changed(piece: _Piece, entry: Expectation) -> str:
    """Return the text of a piece with the values of `entry`; equal values keep their form."""
    table = piece.table
    for key in KEYS:
        value = getattr(entry, key)
        written: Any = table.get(key)
        wanted = list(value) if isinstance(value, tuple) else value
        if wanted == (written if written is not None else type(wanted)()):
            continue
        if not value:
            table.remove(key)
        elif written is None:
            table.append(key, _item(value))
        else:
            table[key] = _item(value)
    return _contents(DEFECT, table)[0]


def _item(value: str | tuple[str, ...]) -> Any:
    import tomlkit

    return tomlkit.parse(f"it = {_toml('it', value)}\n")["it"]


def _renewed(
    entries: Sequence[Expectation], pieces: Sequence[_Piece], rows: Sequence[tuple[Expectation, ...]]
) -> str:
    """Return all entries of a file in the older form as defects, each below the comments of those it replaces."""
    comments: dict[str, list[str]] = {}
    for entry, piece in zip(entries, pieces, strict=True):
        comments.setdefault(entry.reason.strip().rstrip("."), []).extend((piece.comment, *_inner_comments(piece)))
    parts = []
    for piece, row in zip(pieces, rows, strict=True):
        for entry in row:
            above = comments.pop(entry.reason.strip().rstrip("."), [])
            parts.append("".join(dict.fromkeys(above)) + rendered([entry]))
        if piece.after.strip():
            parts.append(piece.after.strip("\r\n") + "\n")
    return "\n".join(parts)


def _inner_comments(piece: _Piece) -> Iterator[str]:
    """Yield the comments inside an entry, one per line."""
    quoted = re.compile(r"\"\"\".*?\"\"\"|'''.*?'''|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'", re.DOTALL)
    for line in quoted.sub("", piece.content).splitlines():
        if "#" in line:
            yield line[line.index("#") :].strip() + "\n"


def rendered(entries: Iterable[Expectation]) -> str:
    """Return the entries in TOML, with an empty line between two."""
    return "\n".join(map(_rendered, entries))


def _rendered(entry: Expectation) -> str:
    values = {key: getattr(entry, key) for key in KEYS}
    lines = (f"{key} = {_toml(key, value)}\n" for key, value in values.items() if value)
    return f"[[{DEFECT}]]\n" + "".join(lines)


def _toml(key: str, value: str | tuple[str, ...]) -> str:
    """Return a value as a TOML string or array; a long array has several lines.

    Both are written as in JSON, except for one character.
    """
    line = _quoted(list(value) if isinstance(value, tuple) else value)
    if isinstance(value, str) or len(key) + 3 + len(line) <= _WIDTH:
        return line
    lines, room = [""], _WIDTH
    for one in value:
        item = f"{_quoted(one)}, "
        if lines[-1] and len(lines[-1]) + len(item) > room:
            lines.append("")
        lines[-1] += item
    return "[\n" + "".join(f"    {line.rstrip()}\n" for line in lines) + "]"


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
