"""Strip code of everything that only the harness needs: docstrings, annotations, declarations."""

from __future__ import annotations

import ast

_HARNESS_CALLS = ("refuse_unsupported",)


def strip(node: ast.stmt) -> ast.stmt:
    """Return a copy of a class, a function or an assignment without the parts that a script does not need."""
    copy = ast.parse(ast.unparse(node)).body[0]
    stripped: ast.stmt = ast.fix_missing_locations(_Stripper().visit(copy))
    return stripped


class _Stripper(ast.NodeTransformer):
    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        if any(ast.unparse(base) == "Struct" for base in node.bases):
            node.decorator_list = [ast.parse("dataclass(frozen=True, kw_only=True)", mode="eval").body]
            node.bases, node.keywords = [], []
        if not _is_dataclass(node):
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


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


def _without_annotation(node: ast.stmt) -> ast.stmt | None:
    if not isinstance(node, ast.AnnAssign):
        return node
    return None if node.value is None else ast.Assign([node.target], node.value)
