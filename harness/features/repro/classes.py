"""Simplify a class hierarchy that has no other subclasses.

Keep only members that are used by name and not overridden, and merge a base class into its only subclass.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Set

from .strip_code import is_dataclass


class Classes:
    """The classes of a script, by name."""

    def __init__(self, known: Mapping[str, ast.ClassDef]) -> None:
        self.known = known
        self.derived = {name: [one for one in known.values() if name in _bases(one)] for name in known}

    def parts(self, definition: ast.ClassDef, used: Set[str]) -> Iterator[ast.AST]:
        """Yield the parts of a class that are in the script: decorators, bases and kept members."""
        yield from (*definition.decorator_list, *definition.bases)
        yield from (member.value if isinstance(member, ast.Assign) else member for member in self.kept(definition, used)
                    if not isinstance(member, ast.AnnAssign) or member.value is not None)

    def kept(self, definition: ast.ClassDef, used: Set[str]) -> list[ast.stmt]:
        """Return the members that are used by name, or by code outside the script, and not overridden."""
        return [member for member in definition.body if self._is_kept(member, definition, used)]

    def _is_kept(self, member: ast.stmt, definition: ast.ClassDef, used: Set[str]) -> bool:
        if is_dataclass(definition) and isinstance(member, ast.AnnAssign):
            return True
        name = _name(member)
        if not name or any("abstractmethod" in ast.unparse(by) for by in getattr(member, "decorator_list", ())):
            return False
        is_used = name.startswith("__") or name in used or self._is_called_by_others(definition)
        return is_used and not self._is_overridden(name, definition)

    def _is_called_by_others(self, definition: ast.ClassDef) -> bool:
        """Return whether it derives from a class outside the script, such as `nn.Module`, which uses its members."""
        return any(base not in self.known or self._is_called_by_others(self.known[base]) for base in _bases(definition))

    def _is_overridden(self, name: str, definition: ast.ClassDef) -> bool:
        """Return whether every subclass overrides a member without calling it."""
        derived = self.derived.get(definition.name, [])
        return bool(derived) and all(
            f"super().{name}(" not in ast.unparse(other)
            and (any(_name(member) == name for member in other.body) or self._is_overridden(name, other))
            for other in derived
        )

    def is_merged(self, name: str) -> bool:
        """Return whether a class is merged into its only subclass."""
        derived = self.derived.get(name, [])
        return len(derived) == 1 and "super()" not in ast.unparse(derived[0]) and not self._is_named(name)

    def _is_named(self, name: str) -> bool:
        """Return whether a class is used other than as a base class."""
        nodes = (node for one in self.known.values() for member in one.body for node in ast.walk(member))
        return is_dataclass(self.known[name]) or any(isinstance(node, ast.Name) and node.id == name for node in nodes)

    def merged(self, name: str, used: Set[str]) -> ast.ClassDef | None:
        """Return a class with its merged base classes, or None if it is not known."""
        if name not in self.known:
            return None
        one, body = self.known[name], list[ast.stmt]()
        chain, bases = [one], list(one.bases)
        while len(bases) == 1 and self.is_merged(ast.unparse(bases[0])):
            chain.insert(0, self.known[ast.unparse(bases[0])])
            bases = chain[0].bases
        for each in chain:
            body += self.kept(each, used)
        body.sort(key=lambda member: isinstance(member, ast.FunctionDef))  # attributes first, then methods
        made = ast.ClassDef(one.name, bases, one.keywords, body or [ast.Pass()], one.decorator_list)
        if hasattr(one, "type_params"):
            made.type_params = []  # type: ignore[attr-defined,unused-ignore]
        return ast.fix_missing_locations(made)


def _bases(definition: ast.ClassDef) -> list[str]:
    return [ast.unparse(base) for base in definition.bases]


def _name(member: ast.stmt) -> str:
    if isinstance(member, ast.FunctionDef):
        return member.name
    return ast.unparse(member.targets[0]) if isinstance(member, ast.Assign) else ""
