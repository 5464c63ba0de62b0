"""Child interpreters that import the same code as this one, whatever folder they start in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

SAFE_PATH = {"PYTHONSAFEPATH": "1"}
"""The variable that keeps the current folder off the import path of a child's own children, from Python 3.11 on."""

_DECIDED = frozenset((
    "PYTHONWARNINGS", "PYTHONOPTIMIZE", "PYTHONINSPECT", "PYTHONSTARTUP", "PYTHONBREAKPOINT", "PYTHONDEBUG",
    "PYTHONDEVMODE", "PYTHONASYNCIODEBUG", "PYTHONTRACEMALLOC", "PYTHONVERBOSE", "PYTHONPROFILEIMPORTTIME",
    "PYTHONINTMAXSTRDIGITS",
    "PYTORCH_JIT", "TORCHDYNAMO_DISABLE", "TORCH_COMPILE_DISABLE", "TORCHDYNAMO_SUPPRESS_ERRORS",
    "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_WEIGHTS_ONLY_LOAD",
    "NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "TORCH_SHOW_CPP_STACKTRACES", "TORCHDYNAMO_VERBOSE",
))
"""The variables that could change a verdict.

They turn warnings into exceptions, drop asserts, keep an interpreter from ending, make it print more, keep torch from
compiling, tracing or checking, or change its precision or its messages.
"""

_CODE = (
    "import sys; sys.path[:] = {path!r}; from runpy import run_module; "
    "run_module({module!r}, run_name='__main__', alter_sys=True)"
)


def own_environment() -> dict[str, str]:
    """Return the variables of this process, without those that could change a verdict, for a child that judges."""
    return {name: value for name, value in os.environ.items() if name not in _DECIDED}


def python_command(module: str, *arguments: str, first: Iterable[str] = ()) -> list[str]:
    """Return a command line that runs `module` as `python -m` does, with the import path of this process.

    `python -m` would put the current folder first: a checkout in it would be judged instead of the installed release,
    and a folder that contains `numpy/` would keep anything from being judged.

    Args:
        module: The module to run.
        arguments: Its arguments, `sys.argv[1:]`.
        first: Folders to search before all others.
    """
    return [sys.executable, "-c", _CODE.format(path=import_path(first), module=module), *arguments]


def import_path(first: Iterable[str] = ()) -> list[str]:
    """Return the folders in which this process searches for modules, absolute, with `first` before them."""
    return [*first, *(os.path.abspath(folder) if _is_relative(folder) else folder for folder in sys.path)]


def _is_relative(folder: str) -> bool:
    """Return whether an entry names a folder by way of the current one; a path hook's entry is no folder at all."""
    return not folder or (not os.path.isabs(folder) and os.path.isdir(folder))


def forget_current_folder() -> None:
    """Take the current folder off the import path if `python -m` put it there.

    Without it, `python -m sparsecheck` judges the same code as the console script does.
    """
    is_safe = getattr(sys.flags, "safe_path", False) or sys.flags.isolated
    if not is_safe and sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
