"""Find the modules that an adapter is made of, and those that it imports, from its source alone."""

from __future__ import annotations

import ast
import os
import sys
import sysconfig
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .module_search import file_of

_MOST_MODULES = 100
BEFORE_ADAPTERS = frozenset(("torch", "numpy", __name__.partition(".")[0]))
"""Top-level modules that sparsecheck imports before any adapter."""

_SHARED = BEFORE_ADAPTERS | sys.stdlib_module_names
"""Top-level modules that are never an adapter's own."""


@dataclass(frozen=True)
class OwnModules:
    """The modules of an adapter.

    Attributes:
        files: The file of each module that is the adapter's own, by name.
        imported: The names of all modules that these import, anywhere in their code; some may be names of functions.
        foreign: The outermost of them that are neither shared by all adapters nor the adapter's own, with their files.
    """

    files: Mapping[str, str]
    imported: frozenset[str]
    foreign: Mapping[str, str]

    def imports(self, module: str) -> bool:
        """Return whether `module`, or something in it, is imported or belongs to the adapter."""
        return any(f"{name}.".startswith(f"{module}.") for name in (*self.files, *self.imported))


def own_modules(module: str, source: Path, apart: Collection[str] = ()) -> OwnModules:
    """Return the modules of the adapter that is defined in `module`, whose file is `source`.

    They are this module, and the modules that they import from the adapter's own package, or from anywhere but the
    standard library and the folders of installed packages. Imports inside functions count, dynamic ones do not.

    Args:
        module: The name of the adapter's module.
        source: Its file.
        apart: Outermost modules that are not the adapter's own, wherever they are.
    """
    files, todo, imported = dict[str, str](), {module: str(source)}, set[str]()
    package = _outermost_package(source)
    while todo and len(files) < _MOST_MODULES:
        name, file = todo.popitem()
        files[name] = file
        new = {one for one in _imports(name, file) if one not in imported}
        imported |= new
        todo.update((one, found) for one in sorted(new) if one not in files and not _is_below(one, apart)
                    and (found := file_of(one)) and _is_own(Path(found), package))
    return OwnModules(files, frozenset(imported), dict(_foreign(imported, files)))


def _is_below(module: str, others: Iterable[str]) -> bool:
    """Return whether a module is shared by all adapters, or is one of `others` or inside it."""
    return module.partition(".")[0] in _SHARED or any(f"{module}.".startswith(f"{one}.") for one in others)


def _foreign(imported: Iterable[str], own: Collection[str]) -> Iterator[tuple[str, str]]:
    outer = {name.partition(".")[0] for name in imported} - _SHARED - {name.partition(".")[0] for name in own}
    return ((name, file) for name in sorted(outer) if (file := file_of(name)))


def _imports(module: str, file: str) -> Iterator[str]:
    """Yield the absolute name of each module that a file imports, and of each name that it imports from a module."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    package = module if Path(file).name.startswith("__init__.") else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (base := _base(node, package)):
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names if alias.name != "*"))


def _base(node: ast.ImportFrom, package: str) -> str:
    """Return the absolute name of the module that a statement `from ... import` names."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join((*parts, node.module) if node.module else parts)


def _outermost_package(source: Path) -> Path | None:
    """Return the folder of the outermost package that contains `source`, or None if it is not in a package."""
    inside = [folder for folder in source.parents if (folder / "__init__.py").exists()]
    return inside[-1] if inside else None


def _is_own(file: Path, package: Path | None) -> bool:
    """Return whether a file is in the adapter's package, or where no packages are installed."""
    parents = file.resolve().parents
    return (package is not None and package.resolve() in parents) or _is_outside(parents)


def _is_outside(parents: Sequence[Path]) -> bool:
    return not any(folder in parents for folder in _installed_folders(tuple(sys.path)))


@cache
def _installed_folders(path: tuple[str, ...]) -> frozenset[Path]:
    """Return the folders of the standard library, and those of `path` in which packages are installed."""
    paths = sysconfig.get_paths()
    folders = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    return frozenset(Path(folder).resolve() for folder in (*folders, *filter(_has_metadata, path)))


def _has_metadata(folder: str) -> bool:
    with suppress(OSError):
        return any(name.endswith(".dist-info") for name in os.listdir(folder or os.curdir))
    return False
