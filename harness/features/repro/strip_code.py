"""Strip code of everything that only the harness needs: docstrings, annotations, declarations."""

from __future__ import annotations

import ast
from collections.abc import Iterable

_HARNESS_CALLS = ("refuse_unsupported",)


def strip(node: ast.stmt, absent: Iterable[str]) -> ast.stmt:
    """Return a copy of a definition without the parts that a script does not need.

    Args:
        node: A class, a function or an assignment.
        absent: Classes without an instance in the script, and conditions that are false in it; branches on them are
            resolved.
    """
    copy = ast.parse(ast.unparse(node)).body[0]
    stripped: ast.stmt = ast.fix_missing_locations(_Stripper(frozenset(absent)).visit(copy))
    return stripped


def is_dataclass(node: ast.ClassDef) -> bool:
    """Return whether a class has a dataclass decorator."""
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


class _Stripper(ast.NodeTransformer):
    def __init__(self, absent: frozenset[str]) -> None:
        self.absent = absent

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        if any(ast.unparse(base) == "Struct" for base in node.bases):
            node.decorator_list = [ast.parse("dataclass(frozen=True, kw_only=True)", mode="eval").body]
            node.bases, node.keywords = [], []
        if not is_dataclass(node):
            node.body = [one for one in map(_without_annotation, node.body) if one is not None]
        else:
            node.body = [one for one in node.body if getattr(one, "name", "") != "__post_init__"]
            for field in node.body:
                if isinstance(field, ast.AnnAssign):
                    field.annotation = ast.Name("object", ast.Load())
        node.bases = [base for base in node.bases if ast.unparse(base) != "ABC"]
        return self._with_body(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        arguments = node.args
        node.returns = None
        for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
            if one is not None:
                one.annotation = None
        node.body = [one for one in map(_without_annotation, node.body) if one is not None]
        return self._with_body(node)

    def _with_body(self, node: ast.ClassDef | ast.FunctionDef) -> ast.AST:
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST | None:
        """Remove assertions that only help a type checker."""
        return None if "isinstance(" in (text := ast.unparse(node)) or text.endswith("is not None") else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _HARNESS_CALLS:
            return None
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt] | None:
        self.generic_visit(node)
        if _is_false(node.test) or ast.unparse(node.test) in self.absent:
            return node.orelse or None
        if not node.body or (_only_refuses(node.body) and not node.orelse):
            return None
        return node

    def visit_For(self, node: ast.For) -> ast.AST | None:
        self.generic_visit(node)
        return node if node.body else None

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        return node.orelse if _is_false(node.test) else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance" and len(node.args) == 2:
            return self._settled(node)
        return node

    def _settled(self, call: ast.Call) -> ast.AST:
        kinds = call.args[1].elts if isinstance(call.args[1], ast.Tuple) else [call.args[1]]
        left = [kind for kind in kinds if ast.unparse(kind) not in self.absent]
        if not left:
            return ast.Constant(False)
        call.args[1] = left[0] if len(left) == 1 else ast.Tuple(left, ast.Load())
        return call


def _is_false(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(map(_is_false, test.values))
    return isinstance(test, ast.Constant) and test.value is False


def _only_refuses(body: list[ast.stmt]) -> bool:
    [first] = body if len(body) == 1 else [None]
    return isinstance(first, ast.Raise) and first.exc is not None and ast.unparse(first.exc).startswith("Refusal(")


def _without_annotation(node: ast.stmt) -> ast.stmt | None:
    if not isinstance(node, ast.AnnAssign):
        return node
    return None if node.value is None else ast.Assign([node.target], node.value)
