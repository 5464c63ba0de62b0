"""From a cell that fails to a script of its own."""

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
from . import judgements, tools
from .format_code import folded, written
from .inlining import CannotInline, Inlined, imports
from .placeholder_code import BEFORE_CODE, Supply, context_code, context_fields

_PATTERNS = {"Band", "Block", "Channel", "Given", "NofM", "Unstructured"}
_RESTS_ON = {"example_input": "inputs", "batches": "batches", "device": "DEVICE", "dtype": "DTYPE"}
_NO_PACKAGES = {*sys.stdlib_module_names, "torch", "msgspec", __name__.partition(".")[0]}
_OPERATIONS = {"reupdate", "relevel", "finalize", "restore", "trace", "export", "compile"}
_OURS = (tools.__name__, judgements.__name__)


class NoReproducer(SparsecheckError):
    """A failure for which no script is known; the message says what is lacking."""


@dataclass(frozen=True)
class Failing:
    """A cell that fails: what was planned for it, whose it is, and its record."""

    planned: Planned
    found: Found
    record: Record
    environment: Environment


def script(failing: Failing) -> str:
    """A script that fails as the cell does, and needs torch and the package alone; the same bytes for the same cell.

    Raises:
        NoReproducer: there is no judgement for it, or the adapter's code cannot be written into a script.
    """
    trial, judge = Trial(failing.planned.cell, failing.found.adapter), judgement(failing)
    try:
        inlined = _inlined(failing, trial, judge)
        if judge is judgements.judge_import:
            return _importing(failing, inlined)
        if fields := context_fields(_theirs(inlined)):
            inlined = _inlined(failing, trial, judge, fields)
    except CannotInline as error:
        raise NoReproducer(f"the code of {failing.found.name} cannot be written into a script: {error}") from error
    return _composed(failing, inlined, trial, judge.__name__, fields)


def judgement(failing: Failing) -> Callable[[], None]:
    """What the script judges by.

    Raises:
        NoReproducer: there is nothing to judge by.
    """
    cell, contract = failing.planned.cell, failing.found.adapter.contract
    if cell.area == REFUSE and requirement(cell.requirement).refuses[0] in _OPERATIONS:
        raise NoReproducer(f"there is no reproducer of {cell.requirement} yet")
    if cell.area == REFUSE:
        return judgements.judge_refused
    if cell.requirement == "MASK-19" and "importing" not in failing.record.message:
        raise NoReproducer("there is no reproducer of settings that attach, update or restore change")
    if cell.requirement == "MASK-25" and (contract.level_basis, contract.regrowth) != ("dense", "free"):
        raise NoReproducer(f"there is no reproducer of MASK-25 where regrowth is {contract.regrowth}")
    if judge := judgements.BY_REQUIREMENT.get(cell.requirement):
        return judge
    if re.match(r"[A-Z]\w*: ", failing.record.signature):
        return judgements.judge_runs
    raise NoReproducer(f"there is no reproducer of {cell.requirement} yet")


def _inlined(failing: Failing, trial: Trial, judge: Callable[[], None], fields: Iterable[str] = ()) -> Inlined:
    adapter, kind = failing.found.adapter, type(failing.found.adapter)
    if vars(adapter):
        raise CannotInline(f"its {kind.__name__} is made with {', '.join(vars(adapter))}")
    used = {type(pattern).__name__ for pattern in trial.plan.patterns.values()}
    roots = [(kind.__module__, kind.__name__), (Plan.__module__, "Plan"), (judge.__module__, judge.__name__)]
    roots += [(patterns.__name__, name) for name in used]
    roots += [(tools.__name__, name) for name in ("said", "Failure", *["given_mask"] * ("Given" in used))]
    needed = {_RESTS_ON[field] for field in fields}
    roots += [(tools.__name__, name) for name in ("inputs", "batches", "DEVICE", "DTYPE") if name in needed]
    return Inlined(roots, _PATTERNS - used | _settled(trial))


def _settled(trial: Trial) -> set[str]:
    """Conditions that do not hold for this sparsifier."""
    contract = trial.contract
    renewed = contract.mask_storage == "nowhere" and contract.masks_at == "update"
    holds = {"RENEWED": renewed, "MONOTONE": contract.regrowth == "monotone"}
    return {name for name, is_so in holds.items() if not is_so}


# ------------------------------------------------------------------------------------------ the text


def _theirs(inlined: Inlined) -> str:
    """The adapter's code, and what it rests on."""
    return _code(inlined, [module for module in inlined.modules if module not in _OURS])


def _composed(failing: Failing, inlined: Inlined, trial: Trial, judge: str, fields: Iterable[str]) -> str:
    theirs = _theirs(inlined)
    as_arrays = bool(re.search(r"\bnp\b|numpy|pattern\.mask\.", theirs))
    supply = Supply(trial, as_arrays).early(inlined.given)
    ours = _code(inlined, [_OURS[0]]), _code(inlined, [_OURS[1]])
    late = f"ADAPTER = {type(failing.found.adapter).__name__}()\n"
    if "CONTEXT" in inlined.given:
        late += f"CONTEXT = {context_code(fields)}\n"
    body = [theirs, ours[0], _folded(supply), late, ours[1], _END.format(judge=judge)]
    code = "\n".join(part.strip("\n") + "\n" for part in body if part.strip())
    return f"{_header(failing)}\n{_imports(inlined, code)}\n\n{code}"


def _importing(failing: Failing, inlined: Inlined) -> str:
    """A script that looks before and after the package is imported, and does nothing else."""
    def is_packages(statement: str) -> bool:
        return statement.split()[1].partition(".")[0] not in _NO_PACKAGES

    theirs = imports(type(failing.found.adapter).__module__)
    after = "\n".join(_joined(filter(is_packages, theirs))) + "\n"
    parts = ["import os\nimport sys\n\nimport torch\n", BEFORE_CODE, after]
    judge = judgements.judge_import.__name__
    return "\n".join([_header(failing), *parts, _code(inlined, _OURS) + "\n", _END.format(judge=judge)])


def _code(inlined: Inlined, modules: Iterable[str]) -> str:
    return "\n\n".join(written(node) for node in inlined.code(modules))


def _folded(code: str) -> str:
    return "\n".join(line for one in code.splitlines() for line in folded(one))


def _header(failing: Failing) -> str:
    declaration, cell, record = failing.found.declaration, failing.planned.cell, failing.record
    package = f"{declaration.distribution} {declaration.version}"
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
    """One statement a module."""
    statements = list(statements)
    plain = sorted(one for one in statements if one.startswith("import "))
    names: dict[str, list[str]] = {}
    for one in sorted(set(statements) - set(plain)):
        module, _, name = one.removeprefix("from ").partition(" import ")
        names.setdefault(module, []).append(name)
    return plain + [written(ast.parse(f"from {module} import {', '.join(these)}")) for module, these in names.items()]


_END = """\
if __name__ == "__main__":
    try:
        {judge}()
    except Failure as failure:
        expected, seen = failure.args
    except Exception as error:
        expected, seen = "no error", said(error)
    else:
        sys.exit(print("as expected: what this script shows is mended"))
    print(f"expected: {{expected}}\\nseen: {{seen}}")
    sys.exit(1)
"""
