"""Generate a stand-alone script that reproduces the failure of one cell."""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...adapter.discovery import Found
from ...catalogue import requirement
from ...errors import SparsecheckError
from ...report.ledger import REFUSE, Planned
from ...trials.trial import Trial
from ...values import pattern as patterns
from ...values.declaration import Environment
from ...values.plan import Plan
from ...values.record import Record
from . import check_tools, mask_checks, model_checks
from .checks import BY_REQUIREMENT
from .format_code import unparse, wrap_line
from .inlining import CannotInline, Inlined, imports
from .placeholder_code import BEFORE_CODE, PlaceholderCode, context_code, context_fields

_PATTERNS = {"Band", "Block", "Channel", "Given", "NofM", "Unstructured"}
_RESTS_ON = {"example_input": "inputs", "batches": "batches", "device": "DEVICE", "dtype": "DTYPE"}
_NO_PACKAGES = {*sys.stdlib_module_names, "torch", "msgspec", __name__.partition(".")[0]}
_OPERATIONS = {"reupdate", "relevel", "finalize", "restore", "trace", "export", "compile", "save_trace", "deepcopy"}
_OURS = (check_tools.__name__, mask_checks.__name__, model_checks.__name__)


class NoReproducer(SparsecheckError):
    """Raised if a failure cannot be reproduced by a script; the message says why."""


@dataclass(frozen=True)
class Failing:
    """A cell that fails.

    Attributes:
        planned: The planned cell.
        found: The loaded adapter.
        record: The record of the failure.
        environment: The environment in which it failed.
    """

    planned: Planned
    found: Found
    record: Record
    environment: Environment


def script(failing: Failing) -> str:
    """Return a script that fails as the cell does, and needs only torch and the package. It is deterministic.

    Raises:
        NoReproducer: There is no check for the cell, or the adapter's code cannot be copied into a script.
    """
    trial, check = Trial(failing.planned.cell, failing.found.adapter, failing.found.declaration), check_for(failing)
    try:
        inlined = _inlined(failing, trial, check)
        if check is mask_checks.assert_import:
            return _import_script(failing, inlined)
        if fields := context_fields(_adapter_code(inlined)):
            inlined = _inlined(failing, trial, check, fields)
    except CannotInline as error:
        raise NoReproducer(f"the code of {failing.found.name} cannot be copied into a script: {error}") from error
    return _compose(failing, inlined, trial, check.__name__, fields)


def check_for(failing: Failing) -> Callable[[], None]:
    """Return the check that reproduces a failure.

    Raises:
        NoReproducer: There is no such check.
    """
    cell, contract = failing.planned.cell, failing.found.declaration.contract
    if cell.area == REFUSE and requirement(cell.requirement).refuses[0] in _OPERATIONS:
        raise NoReproducer(f"there is no reproducer for {cell.requirement} yet")
    if cell.area == REFUSE:
        return model_checks.assert_refused
    if cell.requirement == "PROCESS-01" and "replaced functions of torch" not in failing.record.message:
        raise NoReproducer("there is no reproducer for settings that an import changes, only for functions of torch")
    if cell.requirement == "MASK-25" and (contract.level_basis, contract.regrowth) != ("dense", "free"):
        raise NoReproducer(f"there is no reproducer for MASK-25 if regrowth is {contract.regrowth}")
    if cell.requirement == "MASK-35" and cell.pattern == "2of4":
        raise NoReproducer("there is no reproducer for MASK-35 under the pattern 2of4")
    if check := BY_REQUIREMENT.get(cell.requirement):
        return check
    if re.match(r"[A-Z]\w*: ", failing.record.signature):
        return mask_checks.assert_runs
    raise NoReproducer(f"there is no reproducer for {cell.requirement} yet")


def _inlined(failing: Failing, trial: Trial, check: Callable[[], None], fields: Iterable[str] = ()) -> Inlined:
    adapter, kind = failing.found.adapter, type(failing.found.adapter)
    if vars(adapter):
        raise CannotInline(f"its {kind.__name__} is constructed with {', '.join(vars(adapter))}")
    used = {type(pattern).__name__ for pattern in trial.plan.patterns.values()}
    roots = [(kind.__module__, kind.__name__), (Plan.__module__, "Plan"), (check.__module__, check.__name__)]
    roots += [(patterns.__name__, name) for name in used]
    roots += [(check_tools.__name__, name) for name in ("said", "Failure", *["given_mask"] * ("Given" in used))]
    needed = {_RESTS_ON[field] for field in fields}
    roots += [(check_tools.__name__, name) for name in ("inputs", "batches", "DEVICE", "DTYPE") if name in needed]
    return Inlined(roots, _PATTERNS - used | _false_conditions(trial))


def _false_conditions(trial: Trial) -> set[str]:
    """Return the conditions of the checks that are false for this sparsifier."""
    contract = trial.contract
    renewed = contract.mask_storage == "nowhere" and contract.masks_at == "update"
    holds = {"RENEWED": renewed, "MONOTONE": contract.regrowth == "monotone"}
    return {name for name, is_so in holds.items() if not is_so}


# ------------------------------------------------------------------------------------------ the text


def _adapter_code(inlined: Inlined) -> str:
    """Return the code of the adapter and of everything that it uses."""
    return _code(inlined, [module for module in inlined.modules if module not in _OURS])


def _compose(failing: Failing, inlined: Inlined, trial: Trial, check: str, fields: Iterable[str]) -> str:
    adapter_code = _adapter_code(inlined)
    as_arrays = bool(re.search(r"\bnp\b|numpy|pattern\.mask\.", adapter_code))
    definitions = PlaceholderCode(trial, as_arrays).early(inlined.given)
    ours = _code(inlined, [_OURS[0]]), _code(inlined, _OURS[1:])
    late = f"ADAPTER = {type(failing.found.adapter).__name__}()\n"
    if "CONTEXT" in inlined.given:
        late += f"CONTEXT = {context_code(fields)}\n"
    body = [adapter_code, ours[0], _wrapped(definitions), late, ours[1], _END.format(check=check)]
    code = "\n".join(part.strip("\n") + "\n" for part in body if part.strip())
    return f"{_header(failing)}\n{_imports(inlined, code)}\n\n{code}"


def _import_script(failing: Failing, inlined: Inlined) -> str:
    """Return a script that compares torch's functions before and after the package is imported."""
    def is_of_package(statement: str) -> bool:
        return statement.split()[1].partition(".")[0] not in _NO_PACKAGES

    statements = imports(type(failing.found.adapter).__module__)
    after = "\n".join(_joined(filter(is_of_package, statements))) + "\n"
    parts = ["import os\nimport sys\n\nimport torch\n", BEFORE_CODE, after]
    check = mask_checks.assert_import.__name__
    return "\n".join([_header(failing), *parts, _code(inlined, _OURS) + "\n", _END.format(check=check)])


def _code(inlined: Inlined, modules: Iterable[str]) -> str:
    return "\n\n".join(unparse(node) for node in inlined.code(modules))


def _wrapped(code: str) -> str:
    return "\n".join(line for one in code.splitlines() for line in wrap_line(one))


def _header(failing: Failing) -> str:
    declaration, cell, record = failing.found.declaration, failing.planned.cell, failing.record
    package = declaration.package
    versions = dict.fromkeys((package, f"torch {failing.environment.torch}", f"Python {failing.environment.python}"))
    lines = [f"{cell.requirement}: {requirement(cell.requirement).sentence}", ""]
    lines += [f"Seen with {', '.join(versions)}. Exits 1 while it fails, 0 once it does not.", f"sparsecheck {cell.id}"]
    if record.reason:
        lines += ["", " ".join(record.reason.split()), *([record.link] if record.link else [])]
    wrapped = [part for line in lines for part in textwrap.wrap(line, 108, break_long_words=False) or [""]]
    return "".join(f"# {line}".rstrip() + "\n" for line in wrapped)


def _imports(inlined: Inlined, code: str) -> str:
    statements = {*inlined.imports, "import sys", "import torch"}
    statements |= {"from collections import OrderedDict"} if "OrderedDict(" in code else set()
    statements |= {"from dataclasses import dataclass"} if "@dataclass" in code else set()
    statements |= {"from types import SimpleNamespace"} if "SimpleNamespace(" in code else set()
    statements |= {"from torch import nn"} if re.search(r"\bnn\.", code) else set()
    return "\n".join(_joined(statements))


def _joined(statements: Iterable[str]) -> list[str]:
    """Join import statements of the same module."""
    statements = list(statements)
    plain = sorted(one for one in statements if one.startswith("import "))
    names: dict[str, list[str]] = {}
    for one in sorted(set(statements) - set(plain)):
        module, _, name = one.removeprefix("from ").partition(" import ")
        names.setdefault(module, []).append(name)
    return plain + [
        unparse(ast.parse(f"from {module} import {', '.join(imported)}")) for module, imported in names.items()
    ]


_END = """\
if __name__ == "__main__":
    try:
        {check}()
    except Failure as failure:
        expected, seen = failure.args
    except Exception as error:
        expected, seen = "no error", said(error)
    else:
        sys.exit(print("as expected: the failure is fixed"))
    print(f"expected: {{expected}}\\nseen: {{seen}}")
    sys.exit(1)
"""
