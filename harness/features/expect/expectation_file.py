"""The text of an expectation file: what is kept stays as it was written, comments and all. No torch here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from ...report.expectation import Expectation, InvalidExpectations, parse_entries
from .proposal import Proposal

_HEAD = re.compile(r"\s*\[\[\s*known\s*\]\]\s*(#.*)?")
KEYS = (
    "sparsifiers", "requirement", "layer", "pattern", "dtype", "device", "torch", "version", "platform", "until",
    "signature", "reason", "link",
)
"""All keys of an entry, in the order in which they are written."""


def rewritten(text: str, where: str, proposal: Proposal) -> str:
    """The file's `text` with its entries as the proposal, made for them, has them.

    An entry's text begins with the comment that stands right above it, and goes with it.

    Raises:
        InvalidExpectations: it is not plain where an entry begins; names `where`.
    """
    head, *chunks = _split(text)
    if not _hold(chunks, parse_entries(text, where), where):
        raise InvalidExpectations(f"{where}: it is not plain where its entries begin; change it by hand")
    parts = [head]
    for chunk, revised in zip(chunks, proposal.revised, strict=True):
        kept = revised == parse_entries(chunk, where)
        parts.append(chunk if kept else _comment(chunk) + rendered(revised) + "\n" if revised else "")
    kept_text = "".join(parts).rstrip("\n")
    new = "\n\n".join(part for part in (kept_text, rendered(proposal.added).rstrip("\n")) if part)
    result = new + "\n" if new else ""
    if parse_entries(result, where) != proposal.entries:
        raise InvalidExpectations(f"{where}: it cannot be rewritten so that it says what it is to say")
    return result


def _split(text: str) -> list[str]:
    """What stands before the first entry, then the text of each entry."""
    lines = text.splitlines(keepends=True)
    starts = [_start(lines, at) for at, line in enumerate(lines) if _HEAD.fullmatch(line.rstrip("\r\n"))]
    edges = [0, *starts, len(lines)]
    return ["".join(lines[begin:end]) for begin, end in pairwise(edges)]


def _start(lines: Sequence[str], at: int) -> int:
    while at > 0 and lines[at - 1].lstrip().startswith("#"):
        at -= 1
    return at


def _hold(chunks: Sequence[str], entries: Sequence[Expectation], where: str) -> bool:
    """Whether each chunk holds one of the entries, in order."""
    try:
        return [parse_entries(chunk, where) for chunk in chunks] == [(entry,) for entry in entries]
    except InvalidExpectations:
        return False


def _comment(chunk: str) -> str:
    lines = chunk.splitlines(keepends=True)
    return "".join(lines[: next(at for at, line in enumerate(lines) if _HEAD.fullmatch(line.rstrip("\r\n")))])


def rendered(entries: Iterable[Expectation]) -> str:
    """The entries in TOML, an empty line between two."""
    return "\n".join(map(_rendered, entries))


def _rendered(entry: Expectation) -> str:
    values = {key: getattr(entry, key) for key in KEYS}
    lines = (f"{key} = {_toml(value)}\n" for key, value in values.items() if value)
    return "[[known]]\n" + "".join(lines)


def _toml(value: str | tuple[str, ...]) -> str:
    """A TOML string or an array of them: both are written as in JSON, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
