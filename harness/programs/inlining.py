"""Copy the code that some names depend on out of this package and an adapter's module; everything else is imported.

A class keeps only the members that the copied code uses by name.
"""

from __future__ import annotations

import ast
import builtins
import copy
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from types import ModuleType

from .strip_code import strip

_OWN = __name__.partition(".")[0]

Key = tuple[str, str]
"""A module's name, and a name that is defined in it."""


class CannotInline(Exception):
    """Raised if code cannot be copied into one script; the message says which code and why."""


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
def _imported(module: str) -> dict[str, Key]:
    """Return the top-level imports of a module: bound name to source module and name (empty for a whole module)."""
    package = module if hasattr(sys.modules.get(module), "__path__") else module.rpartition(".")[0]
    found: dict[str, Key] = {}
    for node in _tree(module).body:
        if isinstance(node, ast.Import):
            found.update((one.asname or one.name.partition(".")[0], (one.name, "")) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            source = importlib.util.resolve_name(name, package) if node.level else name
            found.update((one.asname or one.name, (source, one.name)) for one in node.names)
    return found


def _statement(bound: str, source: str, name: str) -> str:
    """Return the import statement that binds a name."""
    if not name:
        return f"import {source}" if bound == source.partition(".")[0] else f"import {source} as {bound}"
    return f"from {source} import {name}{'' if bound == name else f' as {bound}'}"


class Inlined:
    """The code that some names depend on.

    Attributes:
        imports: The import statements for everything that is not copied.

    Args:
        roots: The names, each with its module.
        text: The lines of the script itself, which use members too.
        foreign: Parts of this package that are imported, although they could be copied.

    Raises:
        CannotInline: Two definitions have the same name, or source code cannot be read.
    """

    def __init__(self, roots: Iterable[Key], text: str = "", foreign: tuple[str, ...] = ()) -> None:
        self.imports: set[str] = set()
        self._foreign = foreign
        self._pieces: dict[Key, ast.stmt] = {}
        named = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
        earlier = None
        while earlier != set(self._pieces):  # each round knows the classes of the one before
            earlier = set(self._pieces)
            self._classes = {key[1]: one for key, one in self._pieces.items() if isinstance(one, ast.ClassDef)}
            self._reach(list(roots), set(named))

    def _reach(self, roots: list[Key], used: set[str]) -> None:
        self.imports, self._pieces, self._used = set(), {}, used
        for root in roots:
            self._take(*root)
        before = None
        while before != (len(self._pieces), len(self._used)):
            before = len(self._pieces), len(self._used)
            for key in list(self._pieces):
                self._follow(key)

    def code(self) -> list[ast.stmt]:
        """Return the definitions, in an order in which they can be executed."""
        order = _in_order(dict.fromkeys(module for module, _ in self._pieces))
        keys = sorted(self._pieces, key=lambda key: (order.index(key[0]), _defined(key[0])[key[1]].lineno))
        return [self._pruned(self._pieces[key]) for key in keys]

    def _home(self, module: str, name: str) -> Key | None:
        """Return the module and name under which `name` is defined, or None if it is not copied."""
        if name in _defined(module):
            return module, name
        source, original = _imported(module).get(name, ("", ""))
        if source == _OWN and original:
            source = getattr(importlib.import_module(_OWN), original).__module__
        if source.partition(".")[0] != _OWN or not original or self._is_foreign(source):
            return None
        if isinstance(getattr(importlib.import_module(source), original, None), ModuleType):
            raise CannotInline(f"{module} imports the module {original}; import the needed names from it instead")
        return self._home(source, original)

    def _is_foreign(self, module: str) -> bool:
        return bool(self._foreign) and module.startswith(self._foreign)

    def _take(self, module: str, name: str) -> None:
        if self._is_foreign(module):
            self.imports.add(f"from {module} import {name}")
            return
        key = self._home(module, name)
        if key is None:
            if name in _imported(module):
                self.imports.add(_statement(name, *_imported(module)[name]))
        elif key not in self._pieces:
            if taken := next((other for other in self._pieces if other[1] == key[1]), None):
                raise CannotInline(f"{taken[0]} and {key[0]} both define {key[1]}; rename one")
            self._pieces[key] = strip(_defined(key[0])[key[1]])

    def _follow(self, key: Key) -> None:
        nodes = list(ast.walk(self._pruned(self._pieces[key])))
        local = {node.arg for node in nodes if isinstance(node, ast.arg)}
        local |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        for node in nodes:
            if isinstance(node, ast.Name) and node.id not in local:
                if not hasattr(builtins, node.id) or node.id in _defined(key[0]):
                    self._take(key[0], node.id)
            elif isinstance(node, ast.Attribute):
                self._used.add(node.attr)

    def _pruned(self, piece: ast.stmt) -> ast.stmt:
        """Return a definition; of a class, with the members that are used by name, or by code outside the script."""
        if not isinstance(piece, ast.ClassDef) or not self._is_own(piece):
            return piece
        kept = [one for one in piece.body if self._is_kept(one)]
        return ast.fix_missing_locations(_with_body(piece, kept or [ast.Pass()]))

    def _is_own(self, piece: ast.ClassDef) -> bool:
        """Return whether all bases of a class are copied too, so that nobody else calls its members."""
        names = [ast.unparse(base) for base in piece.bases]
        return all(name in self._classes and self._is_own(self._classes[name]) for name in names)

    def _is_kept(self, member: ast.stmt) -> bool:
        if isinstance(member, ast.FunctionDef):
            if any("abstractmethod" in ast.unparse(one) for one in member.decorator_list):
                return False
            return member.name.startswith("__") or member.name in self._used
        return not isinstance(member, ast.Assign) or ast.unparse(member.targets[0]) in self._used


def _with_body(piece: ast.ClassDef, body: list[ast.stmt]) -> ast.ClassDef:
    made = copy.copy(piece)
    made.body = body
    return made


def _in_order(modules: Iterable[str]) -> list[str]:
    """Sort modules so that each comes after those that it imports from."""
    selected, order, seen = list(modules), list[str](), set[str]()

    def visit(module: str) -> None:
        if module not in seen:
            seen.add(module)
            for source, name in _imported(module).values():
                own = source.partition(".")[0] == _OWN or source in selected
                if name and own and source in sys.modules and not hasattr(sys.modules[source], "__path__"):
                    visit(source)
            order.append(module)

    for module in selected:
        visit(module)
    return [module for module in order if module in selected]


def joined(statements: Iterable[str]) -> Iterator[str]:
    """Join import statements of the same module."""
    names: dict[str, list[str]] = {}
    for one in sorted(set(statements), key=lambda one: (one.startswith("from "), one)):
        module, _, name = one.removeprefix("from ").partition(" import ")
        if name:
            names.setdefault(module, []).append(name)
        else:
            yield one
    yield from (f"from {module} import {', '.join(imported)}" for module, imported in names.items())
