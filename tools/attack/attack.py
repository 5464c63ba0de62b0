"""Read the file of an attack: what it does, and what must be seen."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tools.attack.lines import LINES

FOLDER = Path(__file__).parent / "attacks"

DEFAULT_CELLS = "--requirement MASK-01 --requirement MASK-02"
"""The cells on which an adapter attack is judged, unless it names others."""

_CONSTANTS: dict[str, tuple[type, ...]] = {
    "LINE": (str,), "EXIT": (int, tuple), "SAYS": (str,), "NEVER": (str,), "SLOW": (bool,), "COLD": (bool,),
    "LIMIT": (str,), "JUDGED": (str,), "BLAMES": (str,), "SPARES": (str,),
}
_ADAPTER_ONLY = ("JUDGED", "BLAMES", "SPARES")


class InvalidAttack(Exception):
    """Raised if the file of an attack does not have the form that `tools.attack` describes."""


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        file: Its file.
        summary: The first line of its docstring.
        is_adapter: Whether the file is a hostile adapter, and not a function.
        line: The line of `lines.py` that it belongs to.
        exit_codes: The acceptable exit codes.
        says: A regular expression for the message that names the cause; empty for none.
        never: A regular expression that must not be printed; empty for none.
        is_slow: Whether the fast part leaves it out.
        is_cold: Whether its processes must start from nothing.
        limit: Why it is known not to be held; empty if it must be.
        judged: The options of `sparsecheck run` that select the cells of an adapter attack.
        blames: Part of the id of the cell whose record must have the message.
        spares: Part of the ids of cells that must not be red.
    """

    file: Path
    summary: str
    is_adapter: bool
    line: str
    exit_codes: tuple[int, ...]
    says: str = ""
    never: str = ""
    is_slow: bool = False
    is_cold: bool = False
    limit: str = ""
    judged: str = DEFAULT_CELLS
    blames: str = ""
    spares: str = ""

    @property
    def name(self) -> str:
        """Return the path below the folder of all attacks, without the suffix."""
        return self.file.relative_to(FOLDER).with_suffix("").as_posix()


def attacks(pattern: str = "*", fast: bool = False) -> list[Attack]:
    """Return the attacks, sorted by name.

    Args:
        pattern: A glob on the name or on the line.
        fast: Whether to leave out the slow ones.

    Raises:
        InvalidAttack: A file has not the right form.
    """
    files = sorted(file for file in FOLDER.rglob("*.py") if file.name != "__init__.py")
    every = [read(file) for file in files]
    return [
        one for one in every
        if (fnmatch(one.name, pattern) or fnmatch(one.line, pattern)) and not (fast and one.is_slow)
    ]


def read(file: Path) -> Attack:
    """Read one file without importing it.

    Raises:
        InvalidAttack: It has not the right form.
    """
    tree = ast.parse(file.read_text("utf-8"), str(file))
    summary = (ast.get_docstring(tree) or "").partition("\n")[0]
    constants = dict(_constants(tree))
    is_adapter = not any(isinstance(node, ast.FunctionDef) and node.name == "attack" for node in tree.body)
    if problem := _problem(summary, constants, is_adapter):
        raise InvalidAttack(f"{file}: {problem}")
    return Attack(
        file, summary, is_adapter, constants["LINE"], _codes(constants["EXIT"]),
        constants.get("SAYS", ""), constants.get("NEVER", ""), constants.get("SLOW", False),
        constants.get("COLD", False), constants.get("LIMIT", ""), constants.get("JUDGED", DEFAULT_CELLS),
        constants.get("BLAMES", ""), constants.get("SPARES", ""),
    )


def _constants(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in _CONSTANTS:
                yield name, ast.literal_eval(node.value)


def _problem(summary: str, constants: dict[str, Any], is_adapter: bool) -> str:
    """Return what is wrong with the description of an attack, or an empty string."""
    if not summary:
        return "it has no docstring"
    for name in ("LINE", "EXIT"):
        if name not in constants:
            return f"{name} is missing"
    for name, value in constants.items():
        if not isinstance(value, _CONSTANTS[name]):
            return f"{name} is {value!r}"
    if constants["LINE"] not in LINES:
        return f"no line is called {constants['LINE']!r}"
    if 0 not in _codes(constants["EXIT"]) and not constants.get("SAYS"):
        return "SAYS is missing: the message must name the cause"
    if not is_adapter and (odd := [name for name in _ADAPTER_ONLY if name in constants]):
        return f"{odd[0]} is for adapter attacks"
    return ""


def _codes(exit_codes: int | tuple[int, ...]) -> tuple[int, ...]:
    return exit_codes if isinstance(exit_codes, tuple) else (exit_codes,)
