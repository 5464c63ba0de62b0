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
from dataclasses import dataclass, field
from functools import lru_cache
from types import ModuleType

from .trimming import is_dataclass, trimmed

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


def _imports(module: str) -> Iterator[str]:
    """The import statements at its top that are of others, each with one name."""
    for node in _tree(module).body:
        if isinstance(node, ast.Import):
            yield from (f"import {_as(one)}" for one in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module != "__future__":
            if str(node.module).partition(".")[0] != _OWN:
                yield from (f"from {node.module} import {_as(one)}" for one in node.names)


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


@dataclass
class Inlined:
    """The code that some names rest on. absent: as for `trimmed`.

    given: the names that whoever writes the script is to supply. imports: statements, for all else.
    """

    absent: frozenset[str]
    given: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    _pieces: dict[Key, ast.stmt] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _modules: list[str] = field(default_factory=list)

    def add(self, module: str, name: str) -> None:
        """Take up `name` of `module` and all that it rests on.

        Raises:
            CannotInline: two things have one name, or the source of one cannot be read.
        """
        self._take(module, name)
        before = None
        while before != (len(self._pieces), len(self._asked)):
            before = len(self._pieces), len(self._asked)
            for key in list(self._pieces):
                self._follow(key)

    def ask(self, *members: str) -> None:
        """Keep the members of these names in every class."""
        self._asked.update(members)

    def has(self, member: str) -> bool:
        """Whether something asks for a member of that name."""
        return member in self._asked

    def code(self, modules: Iterable[str] | None = None) -> list[ast.stmt]:
        """The definitions, in an order in which they can be run; of `modules` alone, or of all but those of GIVEN."""
        wanted = self._modules if modules is None else list(modules)
        keys = [key for key in self._pieces if key[0] in wanted]
        keys.sort(key=lambda key: (self._modules.index(key[0]), _defined(key[0])[key[1]].lineno))
        kept = [self._members(key) for key in keys]
        return [one for one in kept if not (isinstance(one, ast.ClassDef) and one.name in self._empty)]

    @property
    def modules(self) -> list[str]:
        """Those with code in it, the ones that others rest on first."""
        return [module for module in self._modules if any(key[0] == module for key in self._pieces)]

    def _take(self, module: str, name: str) -> None:
        key = _home(module, name)
        if key is None:
            self.imports.update(one for one in _imports(module) if _bound(one) == name)
        elif key[0] == GIVEN:
            self.given.add(key[1])
        elif key not in self._pieces:
            taken = next((other for other in self._pieces if other[1] == key[1]), None)
            if taken is not None:
                raise CannotInline(f"{taken[0]} and {key[0]} both define {key[1]}: rename one")
            self._pieces[key] = trimmed(_defined(key[0])[key[1]], self.absent)
            self._rank(key[0])

    def _rank(self, module: str) -> None:
        if module not in self._modules:
            for source, name in _imported(module).values():
                if source.partition(".")[0] == _OWN and source not in (_OWN, GIVEN) and name and source != module:
                    self._rank_if_own(source)
            if module not in self._modules:
                self._modules.append(module)

    def _rank_if_own(self, source: str) -> None:
        if source in sys.modules and not _is_package(source):
            self._rank(source)

    def _follow(self, key: Key) -> None:
        for node in ast.walk(self._members(key)):
            if isinstance(node, ast.Name) and (not hasattr(builtins, node.id) or node.id in _defined(key[0])):
                self._take(key[0], node.id)
            elif isinstance(node, ast.Attribute):
                self._asked.add(node.attr)

    def _members(self, key: Key) -> ast.stmt:
        """The definition with those members alone that are asked for."""
        whole = self._pieces[key]
        if not isinstance(whole, ast.ClassDef):
            return whole
        body = [one for one in whole.body if self._is_kept(one, whole)]
        bases = [base for base in whole.bases if ast.unparse(base) not in self._empty]
        copy = ast.ClassDef(whole.name, bases, whole.keywords, body or [ast.Pass()], whole.decorator_list)
        if hasattr(whole, "type_params"):
            copy.type_params = []  # type: ignore[attr-defined,unused-ignore]
        return ast.fix_missing_locations(copy)

    def _is_kept(self, member: ast.stmt, whole: ast.ClassDef) -> bool:
        if isinstance(member, ast.FunctionDef):
            abstract = any("abstractmethod" in ast.unparse(one) for one in member.decorator_list)
            return not abstract and (member.name.startswith("__") or member.name in self._asked)
        if isinstance(member, ast.Assign):
            return any(ast.unparse(target) in self._asked for target in member.targets)
        return is_dataclass(whole) and isinstance(member, ast.AnnAssign)

    @property
    def _empty(self) -> set[str]:
        """The classes that are but bases of others, and of which nothing is left."""
        classes = {key[1]: one for key, one in self._pieces.items() if isinstance(one, ast.ClassDef)}
        named = {node.id for one in self._pieces.values() for node in _outside_bases(one)}
        hollow: set[str] = set()
        for _ in classes:
            hollow |= {name for name, one in classes.items() if name not in named and self._is_hollow(one, hollow)}
        return hollow

    def _is_hollow(self, one: ast.ClassDef, hollow: set[str]) -> bool:
        bases = all(ast.unparse(base) in hollow for base in one.bases)
        return bases and not is_dataclass(one) and not any(self._is_kept(part, one) for part in one.body)


def _outside_bases(node: ast.stmt) -> Iterator[ast.Name]:
    """The names in a definition, but for those of the bases."""
    parts = node.body if isinstance(node, ast.ClassDef) else [node]
    yield from (one for part in parts for one in ast.walk(part) if isinstance(one, ast.Name))
