"""Mutants of cases: a plan without parameters, and loops over nothing."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from sparsecheck import Plan, Trial

Case = Callable[[Trial], Any]


class EmptyPlan(Plan):
    """A plan that is empty for the case, and whole for the adapter, which gets a copy."""

    def __init__(self, whole: Plan) -> None:
        super().__init__({}, whole.scope)
        object.__setattr__(self, "whole", whole)

    def copy(self) -> Plan:
        whole: Plan = vars(self)["whole"]
        return whole.copy()

    def at_level(self, level: float) -> Plan:
        return self


def without_plan(case: Case) -> Case:
    """Return a mutant that sees no planned parameter."""

    def mutant(trial: Trial) -> Any:
        trial.plan = EmptyPlan(trial.plan)
        return case(trial)

    return mutant


def without_loops(case: Case) -> Case:
    """Return a mutant whose loops run over nothing."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(case)))
    [function] = tree.body
    assert isinstance(function, ast.FunctionDef)
    function.decorator_list = []
    code = compile(ast.fix_missing_locations(_Emptied().visit(tree)), "<mutant>", "exec")
    names: dict[str, Any] = {}
    exec(code, vars(inspect.getmodule(case)), names)
    mutant: Case = names[function.name]
    return mutant


class _Emptied(ast.NodeTransformer):
    def visit_For(self, node: ast.For) -> ast.For:
        node.iter = ast.parse("()", mode="eval").body
        return node


def has_loop(case: Case) -> bool:
    """Return whether a case has a loop statement."""
    return any(isinstance(node, ast.For) for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(case)))))
