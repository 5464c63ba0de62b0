"""Every small fault that is put into a module, each a copy of its syntax tree with one node replaced."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import copy
from typing import Any

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}
_PAIRS = (
    "any all", "min max", "floor ceil", "argmin argmax", "partition rpartition", "startswith endswith",
    "zeros ones", "strip lstrip", "strip rstrip", "fullmatch match", "search match", "sorted list", "maximum minimum",
)
NAMES: dict[str, tuple[str, ...]] = {}
for _one, _other in map(str.split, _PAIRS):
    NAMES[_one] = (*NAMES.get(_one, ()), _other)
    if _one != "sorted":
        NAMES[_other] = (*NAMES.get(_other, ()), _one)

_TEXT = (ast.Constant, ast.JoinedStr)


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """All faulty nodes that can stand in the place of `node`."""
    for kind, operator in _OPERATORS.items():
        if isinstance(node, kind):
            yield from operator(node)


def _with(node: Any, **fields: object) -> Any:
    changed = copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _without(items: list[Any], at: int, *instead: object) -> list[Any]:
    return [*items[:at], *instead, *items[at + 1 :]]


def _compare(node: ast.Compare) -> Iterator[ast.AST]:
    for at, operator in enumerate(node.ops):
        for other in COMPARISONS[type(operator)]:
            yield _with(node, ops=_without(node.ops, at, other()))


def _binary(node: ast.BinOp) -> Iterator[ast.AST]:
    if isinstance(node.op, ast.Add) and (_is_text(node.left) or _is_text(node.right)):
        yield node.left
        yield node.right
    elif type(node.op) in ARITHMETIC:
        yield _with(node, op=ARITHMETIC[type(node.op)]())


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)))


def _boolean(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for at in range(len(node.values)):
        rest = _without(node.values, at)
        yield _with(node, values=rest) if len(rest) > 1 else rest[0]


def _unary(node: ast.UnaryOp) -> Iterator[ast.AST]:
    yield node.operand


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    match node.value:
        case bool() as value:
            yield ast.Constant(not value)
        case int() as value:
            yield ast.Constant(value + 1)
            yield ast.Constant(value - 1)
        case float() as value:
            yield ast.Constant(value * 10 or 1.0)
        case str() as value:
            yield ast.Constant("" if value else "XX")
        case bytes():
            yield ast.Constant(b"XX")


def _joined(node: ast.JoinedStr) -> Iterator[ast.AST]:
    yield ast.Constant("")


def _conditional(node: ast.If | ast.IfExp | ast.While) -> Iterator[ast.AST]:
    if not isinstance(node, ast.While) and not isinstance(node.test, ast.NamedExpr):
        yield _with(node, test=ast.Constant(True))
    yield _with(node, test=ast.Constant(False))


def _comprehension(node: ast.comprehension) -> Iterator[ast.AST]:
    for at in range(len(node.ifs)):
        yield _with(node, ifs=_without(node.ifs, at))
        yield _with(node, ifs=[ast.Constant(False)])


def _return(node: ast.Return) -> Iterator[ast.AST]:
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield ast.Return(ast.Constant(None))


def _lambda(node: ast.Lambda) -> Iterator[ast.AST]:
    yield _with(node, body=ast.Constant(None))


def _deleted(node: ast.stmt) -> Iterator[ast.AST]:
    yield ast.Pass()


def _assigned(node: ast.Assign) -> Iterator[ast.AST]:
    """Delete an assignment that changes a value; deleting the first one of a name would be noticed at once."""
    targets = [one for target in node.targets for one in getattr(target, "elts", [target])]
    if not all(isinstance(target, ast.Name) for target in targets):
        yield ast.Pass()


def _augmented(node: ast.AugAssign) -> Iterator[ast.AST]:
    yield ast.Pass()
    yield _with(node, op=ARITHMETIC[type(node.op)]())


def _slice(node: ast.Slice) -> Iterator[ast.AST]:
    for end in ("lower", "upper", "step"):
        if getattr(node, end) is not None:
            yield _with(node, **{end: None})


def _call(node: ast.Call) -> Iterator[ast.AST]:
    called = node.func
    if isinstance(called, ast.Name):
        yield from (_with(node, func=_with(called, id=other)) for other in NAMES.get(called.id, ()))
    if isinstance(called, ast.Attribute):
        yield from (_with(node, func=_with(called, attr=other)) for other in NAMES.get(called.attr, ()))


_OPERATORS: dict[Any, Any] = {
    ast.Compare: _compare, ast.BinOp: _binary, ast.BoolOp: _boolean, ast.UnaryOp: _unary, ast.Constant: _constant,
    ast.JoinedStr: _joined, (ast.If, ast.IfExp, ast.While): _conditional, ast.comprehension: _comprehension,
    ast.Return: _return, ast.Lambda: _lambda, (ast.Expr, ast.Raise, ast.Continue, ast.Break): _deleted,
    ast.Assign: _assigned, ast.AugAssign: _augmented, ast.Slice: _slice, ast.Call: _call,
}
