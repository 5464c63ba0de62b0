"""Collect the code that some names depend on, from the adapter's module and this package; everything else is imported.

A class keeps only the members that the script uses by name.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from types import ModuleType

from .classes import Classes
from .strip_code import strip

_OWN = __name__.partition(".")[0]
PLACEHOLDERS = f"{__name__.rpartition('.')[0]}.placeholders"


class CannotInline(Exception):
    """Raised if code cannot be copied into one script; the message says which code and why."""


Key = tuple[str, str]
"""A module's name, and a name that is defined in it."""


@lru_cache(maxsize=256)
def _tree(module: str) -> ast.Module:
    try:
        return ast.parse(inspect.getsource(sys.modules.get(module) or importlib.import_module(module)))
    except (OSError, TypeError, ImportError) as error:
        raise CannotInline(f"the source of {module} cannot be read: {error}") from error


@lru_cache(maxsize=256)
def _defined(module: str) -> dict[str, ast.stmt]:
    """Return the top-level definitions of a module, by name."""
    found: dict[str, ast.stmt] = {}
    for node in _tree(module).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found.update((target.id, node) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = ast.Assign([node.target], node.value, lineno=node.lineno)
    return found


@lru_cache(maxsize=256)
def _imported(module: str) -> dict[str, tuple[str, str]]:
    """Return the top-level imports of a module: bound name to source module and name (empty for a whole module)."""
    package = module if _is_package(module) else module.rpartition(".")[0]
    found: dict[str, tuple[str, str]] = {}
    for node in _tree(module).body:
        if isinstance(node, ast.Import):
            found.update((one.asname or one.name.partition(".")[0], (one.name, one.asname or "")) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            source = importlib.util.resolve_name(name, package) if node.level else name
            found.update((one.asname or one.name, (source, one.name)) for one in node.names)
    return found


def _is_package(module: str) -> bool:
    return hasattr(sys.modules.get(module), "__path__")


def imports(module: str) -> Iterator[str]:
    """Yield the top-level import statements of a module, one name each."""
    for node in _tree(module).body:
        if isinstance(node, ast.Import):
            yield from (f"import {_as(one)}" for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            for one in node.names:
                yield f"from {_imported(module)[one.asname or one.name][0]} import {_as(one)}"


def _as(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name


def _bound(statement: str) -> str:
    """Return the name that a statement with one import binds."""
    return statement.split()[-1].partition(".")[0] if " as " not in statement else statement.split()[-1]


def _home(module: str, name: str) -> Key | None:
    """Return the module and name under which `name` is defined, or None if it is not copied into scripts."""
    if name in _defined(module):
        return module, name
    if name not in _imported(module):
        return None
    source, original = _imported(module)[name]
    if source.partition(".")[0] != _OWN or not original:
        return None
    if source == _OWN:
        source = getattr(importlib.import_module(_OWN), original).__module__
    if isinstance(getattr(importlib.import_module(source), original, None), ModuleType):
        raise CannotInline(f"{module} imports the module {original}; import the needed names from it instead")
    return (source, original) if source == PLACEHOLDERS else _home(source, original)


class Inlined:
    """The code that some names depend on.

    Attributes:
        given: The placeholders that the script must define.
        imports: The import statements for everything that is not copied.
    """

    def __init__(self, roots: Iterable[Key], absent: Iterable[str]) -> None:
        """Collect the code.

        Args:
            roots: The names, each with its module.
            absent: Classes without an instance and false conditions, as in `strip`.

        Raises:
            CannotInline: Two definitions have the same name, or source code cannot be read.
        """
        self.given: set[str] = set()
        self.imports: set[str] = set()
        self._absent = frozenset(absent)
        self._classes = Classes({})
        pieces: dict[Key, ast.stmt] = {}
        known = list[set[Key]]()
        while set(pieces) not in known:  # each round knows the classes of the one before
            known.append(set(pieces))
            self._classes = Classes({key[1]: one for key, one in pieces.items() if isinstance(one, ast.ClassDef)})
            pieces = self._reached(list(roots))
        self._pieces = pieces
        self._order = _in_order(dict.fromkeys(key[0] for key in pieces))

    @property
    def modules(self) -> list[str]:
        """Return the modules with collected code, in the order of their dependencies."""
        return list(self._order)

    def code(self, modules: Iterable[str]) -> list[ast.stmt]:
        """Return the definitions of `modules`, in an order in which they can be executed."""
        selected = set(modules)
        keys = [key for key in self._pieces if key[0] in selected and not self._classes.is_merged(key[1])]
        keys.sort(key=lambda key: (self._order.index(key[0]), _defined(key[0])[key[1]].lineno))
        return [self._classes.merged(key[1], self._used) or self._pieces[key] for key in keys]

    def _reached(self, roots: list[Key]) -> dict[Key, ast.stmt]:
        self.given, self.imports, self._used = set(), set(), set[str]()
        pieces: dict[Key, ast.stmt] = {}
        for root in roots:
            self._take(pieces, *root)
        before = None
        while before != (len(pieces), len(self._used)):
            before = len(pieces), len(self._used)
            for key in list(pieces):
                self._follow(pieces, key)
        return pieces

    def _take(self, pieces: dict[Key, ast.stmt], module: str, name: str) -> None:
        key = _home(module, name)
        if key is None:
            self.imports.update(one for one in imports(module) if _bound(one) == name)
        elif key[0] == PLACEHOLDERS:
            self.given.add(key[1])
        elif key not in pieces:
            taken = next((other for other in pieces if other[1] == key[1]), None)
            if taken is not None:
                raise CannotInline(f"{taken[0]} and {key[0]} both define {key[1]}; rename one")
            pieces[key] = strip(_defined(key[0])[key[1]], self._absent)

    def _follow(self, pieces: dict[Key, ast.stmt], key: Key) -> None:
        piece = pieces[key]
        for part in self._classes.parts(piece, self._used) if isinstance(piece, ast.ClassDef) else [piece]:
            for node in ast.walk(part):
                if isinstance(node, ast.Name) and (not hasattr(builtins, node.id) or node.id in _defined(key[0])):
                    self._take(pieces, key[0], node.id)
                elif isinstance(node, ast.Attribute):
                    self._used.add(node.attr)


def _in_order(modules: Iterable[str]) -> list[str]:
    """Sort modules so that each comes after those that it imports from."""
    selected, order, seen = list(modules), list[str](), set[str]()

    def visit(module: str) -> None:
        if module not in seen:
            seen.add(module)
            for source, name in _imported(module).values():
                if name and source.partition(".")[0] == _OWN and source in sys.modules and not _is_package(source):
                    visit(source)
            order.append(module)

    for module in selected:
        visit(module)
    return [module for module in order if module in selected]
