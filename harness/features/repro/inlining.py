"""From a few names to all the code they rest on, of the adapter's own module and of this package; the rest is imported.

A class keeps those of its members alone that something in the script asks for by name.
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
from .strip_code import trimmed

_OWN = __name__.partition(".")[0]
GIVEN = f"{__name__.rpartition('.')[0]}.given"


class CannotInline(Exception):
    """Code that cannot be written into one script; the message says which and why."""


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
    """What a module defines at its top, by name."""
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
    """What it imports at its top: by the name it has there, the module and the name in it, empty for the module."""
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
    """The import statements at its top that are of others, each with one name."""
    for node in _tree(module).body:
        if isinstance(node, ast.Import):
            yield from (f"import {_as(one)}" for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            for one in node.names:
                yield f"from {_imported(module)[one.asname or one.name][0]} import {_as(one)}"


def _as(one: ast.alias) -> str:
    return f"{one.name} as {one.asname}" if one.asname else one.name


def _bound(statement: str) -> str:
    """The name that an import statement of one name binds."""
    return statement.split()[-1].partition(".")[0] if " as " not in statement else statement.split()[-1]


def _home(module: str, name: str) -> Key | None:
    """Where something is defined that is called `name` in `module`; None if that is not to be inlined."""
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
        raise CannotInline(f"{module} imports the module {original}: import from it, by name, what is needed")
    return (source, original) if source == GIVEN else _home(source, original)


class Inlined:
    """The code that some names rest on.

    roots: names, each with the module in which it has that name. absent: as for `trimmed`.
    given: the names that whoever writes the script is to supply. imports: statements, for all else.

    Raises:
        CannotInline: two things have one name, or the source of one cannot be read.
    """

    def __init__(self, roots: Iterable[Key], absent: Iterable[str]) -> None:
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
        """Those with code in it, the ones that others rest on first."""
        return list(self._order)

    def code(self, modules: Iterable[str]) -> list[ast.stmt]:
        """The definitions of `modules`, in an order in which they can be run."""
        wanted = set(modules)
        keys = [key for key in self._pieces if key[0] in wanted and not self._classes.is_merged(key[1])]
        keys.sort(key=lambda key: (self._order.index(key[0]), _defined(key[0])[key[1]].lineno))
        return [self._classes.merged(key[1], self._asked) or self._pieces[key] for key in keys]

    def _reached(self, roots: list[Key]) -> dict[Key, ast.stmt]:
        self.given, self.imports, self._asked = set(), set(), set[str]()
        pieces: dict[Key, ast.stmt] = {}
        for root in roots:
            self._take(pieces, *root)
        before = None
        while before != (len(pieces), len(self._asked)):
            before = len(pieces), len(self._asked)
            for key in list(pieces):
                self._follow(pieces, key)
        return pieces

    def _take(self, pieces: dict[Key, ast.stmt], module: str, name: str) -> None:
        key = _home(module, name)
        if key is None:
            self.imports.update(one for one in imports(module) if _bound(one) == name)
        elif key[0] == GIVEN:
            self.given.add(key[1])
        elif key not in pieces:
            taken = next((other for other in pieces if other[1] == key[1]), None)
            if taken is not None:
                raise CannotInline(f"{taken[0]} and {key[0]} both define {key[1]}: rename one")
            pieces[key] = trimmed(_defined(key[0])[key[1]], self._absent)

    def _follow(self, pieces: dict[Key, ast.stmt], key: Key) -> None:
        piece = pieces[key]
        for part in self._classes.parts(piece, self._asked) if isinstance(piece, ast.ClassDef) else [piece]:
            for node in ast.walk(part):
                if isinstance(node, ast.Name) and (not hasattr(builtins, node.id) or node.id in _defined(key[0])):
                    self._take(pieces, key[0], node.id)
                elif isinstance(node, ast.Attribute):
                    self._asked.add(node.attr)


def _in_order(modules: Iterable[str]) -> list[str]:
    """Each after those that it imports from."""
    wanted, order, seen = list(modules), list[str](), set[str]()

    def visit(module: str) -> None:
        if module not in seen:
            seen.add(module)
            for source, name in _imported(module).values():
                if name and source.partition(".")[0] == _OWN and source in sys.modules and not _is_package(source):
                    visit(source)
            order.append(module)

    for module in wanted:
        visit(module)
    return [module for module in order if module in wanted]
