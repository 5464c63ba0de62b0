"""What is left of a hierarchy of classes where nothing else derives from them: members that are asked for by name and
not overridden, and no class that but one other rests on."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Set

from .strip_code import is_dataclass


class Classes:
    """Some classes, by name, as far as they are known."""

    def __init__(self, known: Mapping[str, ast.ClassDef]) -> None:
        self.known = known
        self.derived = {name: [one for one in known.values() if name in _bases(one)] for name in known}

    def parts(self, one: ast.ClassDef, asked: Set[str]) -> Iterator[ast.AST]:
        """What of a class is in the script: decorators, bases, and the members that are kept."""
        yield from (*one.decorator_list, *one.bases)
        yield from (member.value if isinstance(member, ast.Assign) else member for member in self.kept(one, asked)
                    if not isinstance(member, ast.AnnAssign) or member.value is not None)

    def kept(self, one: ast.ClassDef, asked: Set[str]) -> list[ast.stmt]:
        """The members that something asks for, and that stand in no subclass's shadow."""
        return [member for member in one.body if self._is_kept(member, one, asked)]

    def _is_kept(self, member: ast.stmt, one: ast.ClassDef, asked: Set[str]) -> bool:
        if is_dataclass(one) and isinstance(member, ast.AnnAssign):
            return True
        name = _name(member)
        if not name or any("abstractmethod" in ast.unparse(by) for by in getattr(member, "decorator_list", ())):
            return False
        wanted = name.startswith("__") or name in asked or self._is_called_by_others(one)
        return wanted and not self._is_overridden(name, one)

    def _is_called_by_others(self, one: ast.ClassDef) -> bool:
        """Whether it derives from what is not in the script, such as nn.Module, whose code asks for its members."""
        return any(base not in self.known or self._is_called_by_others(self.known[base]) for base in _bases(one))

    def _is_overridden(self, name: str, one: ast.ClassDef) -> bool:
        """Whether each class that derives from it has its own, and none calls this one."""
        derived = self.derived.get(one.name, [])
        return bool(derived) and all(
            f"super().{name}(" not in ast.unparse(other)
            and (any(_name(member) == name for member in other.body) or self._is_overridden(name, other))
            for other in derived
        )

    def is_merged(self, name: str) -> bool:
        """Whether it is written as a part of the one class that derives from it."""
        derived = self.derived.get(name, [])
        return len(derived) == 1 and "super()" not in ast.unparse(derived[0]) and not self._is_named(name)

    def _is_named(self, name: str) -> bool:
        """Whether it is more than a base."""
        nodes = (node for one in self.known.values() for member in one.body for node in ast.walk(member))
        return is_dataclass(self.known[name]) or any(isinstance(node, ast.Name) and node.id == name for node in nodes)

    def merged(self, name: str, asked: Set[str]) -> ast.ClassDef | None:
        """The class, with those that are merged into it; None if it is not known."""
        if name not in self.known:
            return None
        one, body = self.known[name], list[ast.stmt]()
        chain, bases = [one], list(one.bases)
        while len(bases) == 1 and self.is_merged(ast.unparse(bases[0])):
            chain.insert(0, self.known[ast.unparse(bases[0])])
            bases = chain[0].bases
        for each in chain:
            body += self.kept(each, asked)
        body.sort(key=lambda member: isinstance(member, ast.FunctionDef))  # what is set first, then what is done
        made = ast.ClassDef(one.name, bases, one.keywords, body or [ast.Pass()], one.decorator_list)
        if hasattr(one, "type_params"):
            made.type_params = []  # type: ignore[attr-defined,unused-ignore]
        return ast.fix_missing_locations(made)


def _bases(one: ast.ClassDef) -> list[str]:
    return [ast.unparse(base) for base in one.bases]


def _name(member: ast.stmt) -> str:
    if isinstance(member, ast.FunctionDef):
        return member.name
    return ast.unparse(member.targets[0]) if isinstance(member, ast.Assign) else ""
