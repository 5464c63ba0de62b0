"""The mutants of a module, each with a name that says what it changes, in an order that is always the same."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .operators import variants

_UNTOUCHED = (ast.Import, ast.ImportFrom, ast.Assert)
_ANNOTATIONS = ("annotation", "returns", "format_spec")
_WIDEST = 90


@dataclass(frozen=True)
class Mutant:
    """One fault. place: its function, or `module`. lines: those of the outermost function around it, if any."""

    module: str
    place: str
    change: str
    lines: range
    tree: ast.Module

    def __str__(self) -> str:
        return f"{self.module} {self.place}: {self.change}"


@dataclass(frozen=True)
class _Spot:
    node: ast.AST
    parent: ast.AST
    place: str
    lines: range


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Every mutant of the module whose `source` it is."""
    original = ast.parse(source)
    told: Counter[tuple[str, str]] = Counter()
    for spot in _spots(original, original, "", range(0)):
        for variant in variants(spot.node):
            change = _told(spot, variant)
            told[spot.place, change] += 1
            times = told[spot.place, change]
            number = f" #{times}" if times > 1 else ""
            tree = ast.fix_missing_locations(_replaced(original, spot.node, variant))
            yield Mutant(module, spot.place or "module", change + number, spot.lines, tree)


def _spots(node: ast.AST, parent: ast.AST, place: str, lines: range) -> Iterator[_Spot]:
    """All nodes that may be changed, in the order of the source: no import, assertion, annotation or docstring."""
    if isinstance(node, _UNTOUCHED) or _is_docstring(node) or _is_for_typing(node):
        return
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        place = f"{place}.{node.name}".lstrip(".")
        if isinstance(node, ast.FunctionDef) and not lines:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            lines = range(first, (node.end_lineno or first) + 1)
    yield _Spot(node, parent, place, lines)
    for field, value in ast.iter_fields(node):
        if field not in _ANNOTATIONS:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not (isinstance(node, ast.JoinedStr) and _is_text(child)):
                    yield from _spots(child, node, place, lines)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and _is_text(node.value)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_for_typing(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _told(spot: _Spot, variant: ast.AST) -> str:
    """Return the code before and after; a constant is shown with its surroundings unless these are long."""
    before, after = _line(spot.node), _line(variant)
    if isinstance(spot.node, ast.Constant):
        wide = _line(spot.parent), _line(_replaced(spot.parent, spot.node, variant))
        if len(wide[0]) <= _WIDEST:
            before, after = wide
    return f"{before[:_WIDEST]} -> {after[:_WIDEST]}"


def _line(node: ast.AST) -> str:
    if isinstance(node, ast.comprehension):
        return ast.unparse(node).strip()
    return ast.unparse(ast.fix_missing_locations(node)).partition("\n")[0]


def _replaced(node: Any, old: ast.AST, new: ast.AST) -> Any:
    """Return a copy of the tree `node` with `new` in place of `old`, sharing all unaffected parts."""
    if node is old:
        return new
    if isinstance(node, list):
        copies = [_replaced(one, old, new) for one in node]
        return copies if any(one is not other for one, other in zip(copies, node, strict=True)) else node
    if not isinstance(node, ast.AST):
        return node
    fields = {name: _replaced(value, old, new) for name, value in ast.iter_fields(node)}
    if all(value is getattr(node, name) for name, value in fields.items()):
        return node
    return ast.copy_location(type(node)(**fields), node)
