"""Distinguish a deliberate refusal from a crash, by the instruction that raised the exception.

A refusal comes from a `raise` statement in the package or in the adapter. An exception that Python or C code raises by
itself (a missing key, a failed `assert`, a kernel that does not exist for a dtype) is a crash, even if its message
happens to name the parameter: the package checked nothing, and its next release may compute a wrong result instead.

A `raise` in torch's own Python code counts only in two places: in torch's pruning and sparsity packages, which may be
the sparsifier themselves, and in the methods of `nn.Module` that are documented to refuse an unknown name or a state
that does not fit. Anywhere else in torch, the package did not check.

A handler may turn a failed lookup into a refusal, or an error of torch. A handler for every exception that has caught a
crash inside the package's own functions does not know what it refuses, and what it raises is a crash.
"""

from __future__ import annotations

import ast
import dis
import linecache
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, TracebackType

import numpy as np
import torch

from ..adapter.protocol import Adapter
from ..report.verdict import said
from ..values.violation import require
from .adapter_errors import adapter_file

_OWN = Path(__file__).parent.parent
_TORCH = Path(torch.__file__).parent
_LIBRARIES = (Path(sysconfig.get_path("stdlib")), Path(np.__file__).parent)

_SPARSIFIERS = ("ao/", "nn/utils/", "sparse/")
"""The folders of torch whose code sparsifies, or supports sparsifiers."""

_MODULE_METHODS = frozenset(("get_submodule", "get_parameter", "get_buffer", "load_state_dict"))
"""The methods of `nn.Module` that are documented to refuse an unknown name or a state that does not fit."""

_REWRITTEN = "@pytest_ar"
"""A name in code whose asserts pytest has made into raise statements, as it does in test modules and plugins."""

_LOOKUPS = frozenset((
    "__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__getitem__", "__setitem__", "__delitem__",
    "__missing__",
))
"""Functions that Python calls for an attribute or an item; an exception from them is a failed lookup."""


def is_deliberate(error: BaseException) -> bool:
    """Return whether a `raise` statement raised `error`, in code that may refuse for the sparsifier.

    The traceback's innermost frame decides; a bare `raise`, which passes a caught exception on, is not innermost.
    """
    return _is_raised_on_purpose(error) and caught_crash(error) is None


def caught_crash(error: BaseException) -> Exception | None:
    """Return the crash in the package's own functions that a handler for every exception has turned into `error`."""
    crash = error.__context__
    if not isinstance(crash, Exception) or is_deliberate(crash) or crash.__traceback__ is None:
        return None
    catching, inner = crash.__traceback__.tb_frame.f_code, _frames(crash.__traceback__.tb_next)
    if not any(_may_refuse(one.tb_frame.f_code) for one in inner):
        return None
    lines = [one.tb_lineno for one in _frames(error.__traceback__) if one.tb_frame.f_code is catching]
    return crash if any(_catches_everything(catching.co_filename, line) for line in lines) else None


def _frames(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _catches_everything(file: str, line: int) -> bool:
    """Return whether the innermost exception handler around a line of source code is one for every exception."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return False
    around = [
        one for one in ast.walk(tree)
        if isinstance(one, ast.ExceptHandler) and one.lineno <= line <= (one.end_lineno or one.lineno)
    ]
    if not around:
        return False
    kind = max(around, key=lambda one: one.lineno).type
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(one is None or ast.unparse(one) in ("Exception", "BaseException") for one in kinds)


def _is_raised_on_purpose(error: BaseException) -> bool:
    innermost = _innermost(error.__traceback__)
    if innermost is None:
        return False
    code = innermost.tb_frame.f_code
    return _is_raise(code, innermost.tb_lasti) and code.co_name not in _LOOKUPS and _may_refuse(code)


def assert_deliberate(error: BaseException, call: str) -> None:
    """Assert that a `raise` statement of the package or of its adapter raised `error`.

    Raises:
        Violation: `refusal-by-accident`.
    """
    crash = f"{call} breaks with {type(error).__name__}: {said(error)}"
    if caught := caught_crash(error):
        crash += f", raised by a handler for every exception that has caught {type(caught).__name__}: {said(caught)}"
    expected = "a refusal is raised on purpose, by a raise statement of the package or of its adapter"
    require(is_deliberate(error), "refusal-by-accident", f"{crash}; {expected}")


def is_in_adapter(error: BaseException, adapter: Adapter) -> bool:
    """Return whether the line that raised `error` is in the adapter's own file, or in sparsecheck."""
    innermost = _innermost(error.__traceback__)
    if innermost is None:
        return False
    raised = Path(innermost.tb_frame.f_code.co_filename)
    return str(raised) == adapter_file(adapter) or _OWN in raised.parents


def _innermost(traceback: TracebackType | None) -> TracebackType | None:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback


def _is_raise(code: CodeType, offset: int) -> bool:
    """Return whether the instruction at `offset` belongs to a `raise` statement, and not to an `assert`."""
    before = [one for one in dis.get_instructions(code) if one.offset <= offset]
    if not before or before[-1].offset != offset or before[-1].opname != "RAISE_VARARGS":
        return False
    is_rewritten = _REWRITTEN in code.co_names
    return not any(_is_assertion(one, is_rewritten) for one in _of_one_statement(before[:-1]))


def _of_one_statement(instructions: list[dis.Instruction]) -> Iterator[dis.Instruction]:
    """Yield the instructions from the last one back to the `raise` before it."""
    for one in reversed(instructions):
        if one.opname == "RAISE_VARARGS":
            return
        yield one


def _is_assertion(instruction: dis.Instruction, is_rewritten: bool) -> bool:
    """Return whether an instruction loads the AssertionError of an `assert` statement."""
    opcodes = ("LOAD_COMMON_CONSTANT", "LOAD_GLOBAL") if is_rewritten else ("LOAD_COMMON_CONSTANT",)
    return instruction.opname == "LOAD_ASSERTION_ERROR" or (
        instruction.opname in opcodes and "AssertionError" in instruction.argrepr
    )


def _may_refuse(code: CodeType) -> bool:
    """Return whether the function with this code may refuse for a sparsifier."""
    file = Path(code.co_filename)
    if file.is_relative_to(_TORCH):
        place = file.relative_to(_TORCH).as_posix()
        return place.startswith(_SPARSIFIERS) or (place == "nn/modules/module.py" and code.co_name in _MODULE_METHODS)
    is_installed = {"site-packages", "dist-packages"} & set(file.parts)
    is_library = file.is_relative_to(_LIBRARIES[1]) or (file.is_relative_to(_LIBRARIES[0]) and not is_installed)
    return not is_library and not code.co_filename.startswith("<frozen")
