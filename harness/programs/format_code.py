"""Format generated code: wrap long lines."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import pairwise

WIDTH = 110


def unparse(node: ast.AST) -> str:
    """Return the code of a definition, with long lines wrapped."""
    code = re.sub(r"^(\s*class .*:)\n\n", r"\1\n", ast.unparse(node), flags=re.MULTILINE)
    return "\n".join(line for one in code.splitlines() for line in wrap_line(one))


def wrap_line(line: str) -> list[str]:
    """Split one logical line into several, after commas within brackets."""
    if len(line) <= WIDTH:
        return [line]
    shift = len(line) - len(line.lstrip())
    places = [0, *_places(line.lstrip(), shift), len(line)]
    lines = [""]
    for part in (line[start:end] for start, end in pairwise(places)):
        if lines[-1] and len(lines[-1] + part) > WIDTH:
            lines.append(" " * (shift + 8) + part.lstrip())
        else:
            lines[-1] += part
    return lines


def _places(text: str, shift: int) -> Iterator[int]:
    """Yield the column after each comma within brackets."""
    depth = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
            if token.type == tokenize.OP and token.string == "," and depth:
                yield token.end[1] + shift
    except (tokenize.TokenError, IndentationError):
        return
