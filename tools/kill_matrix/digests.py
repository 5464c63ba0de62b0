"""Digests of code: of a function or class and everything that it names in certain modules."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from types import ModuleType
from typing import Any


def digest(*roots: Any, within: Sequence[str], beside: str = "") -> str:
    """Return a digest of the code of functions and classes, and of everything that they name.

    Comments, docstrings and layout do not count.

    Args:
        within: Prefixes of the modules whose code counts.
        beside: Data to be included.
    """
    seen = dict[tuple[str, str], str]()
    for root in roots:
        for part in root.__mro__ if isinstance(root, type) else [root]:
            _collect(getattr(part, "__module__", ""), getattr(part, "__name__", ""), tuple(within), seen)
    text = "\n".join((beside, *(f"{place}: {code}" for place, code in sorted(seen.items()))))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _collect(module: str, name: str, within: tuple[str, ...], seen: dict[tuple[str, str], str]) -> None:
    """Add the code of one name to `seen`, and of all the names in it."""
    if (module, name) in seen or not module.startswith(within):
        return
    code, names = _definitions(module).get(name, ("", ()))
    if not code:
        return
    seen[module, name] = code
    for used in names:
        value = vars(sys.modules[module]).get(used)
        if isinstance(value, ModuleType):
            continue
        home, own = getattr(value, "__module__", None), getattr(value, "__name__", None)
        is_import = isinstance(home, str) and isinstance(own, str) and used not in _definitions(module)
        _collect(str(home) if is_import else module, str(own) if is_import else used, within, seen)


@cache
def _definitions(module: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the code of each name that a module defines at its top level, and the names that it uses."""
    file = sys.modules[module].__file__ if module in sys.modules else None
    if not file:
        return {}
    with open(file, encoding="utf-8") as opened:
        tree = ast.parse(opened.read())
    found = dict[str, tuple[str, tuple[str, ...]]]()
    for node in tree.body:
        code = ast.unparse(_without_docstrings(node))
        used = tuple(sorted({one.id for one in ast.walk(node) if isinstance(one, ast.Name)}))
        found.update((name, (code, used)) for name in _defined(node))
    return found


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))


def _without_docstrings(node: ast.stmt) -> ast.stmt:
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(inner) is not None:
            inner.body = inner.body[1:] or [ast.Pass()]
    return node
