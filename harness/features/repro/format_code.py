"""Lines short enough to read, of code that was made and not typed."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import pairwise

WIDTH = 110


def written(node: ast.AST) -> str:
    """The code of a definition, its long lines folded."""
    code = re.sub(r"^(\s*class .*:)\n\n", r"\1\n", ast.unparse(node), flags=re.MULTILINE)
    return "\n".join(line for one in code.splitlines() for line in folded(one))


def folded(line: str) -> list[str]:
    """One logical line as several, broken after commas within its brackets."""
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
    """The columns after each comma within brackets."""
    depth = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
            if token.type == tokenize.OP and token.string == "," and depth:
                yield token.end[1] + shift
    except (tokenize.TokenError, IndentationError):
        return
