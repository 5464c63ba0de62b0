"""Find the file that importing a module would run, without importing anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pkgutil import get_importer


def file_of(module: str) -> str:
    """Return the file that importing `module` would run, or an empty string if there is none."""
    spec = spec_of(module)
    return spec.origin if spec is not None and spec.has_location and spec.origin else ""


def spec_of(module: str) -> ModuleSpec | None:
    """Return the spec that importing `module` would use if nothing were imported yet, or None if there is none.

    `importlib.util.find_spec` imports the parent package and believes `sys.modules`; this reads neither. The finders
    of `sys.meta_path` are asked part by part, so those of editable installs are too.
    """
    name, path, spec = "", None, None
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        spec = next(_specs(name, path), None)
        if spec is None:
            return None
        path = _search_path(spec)
    return spec


def _specs(name: str, path: Sequence[str] | None) -> Iterator[ModuleSpec]:
    """Yield the spec of each finder that knows a module, in the order of `sys.meta_path`."""
    for finder in [*sys.meta_path]:
        try:
            found = _on_path(name, sys.path if path is None else path) if finder is PathFinder \
                else finder.find_spec(name, path)
        except Exception:  # a finder that depends on imported parents has no answer
            continue
        if found is not None:
            yield found


def _on_path(name: str, path: Iterable[str]) -> ModuleSpec | None:
    """Return the spec of a module in the folders of `path`.

    `PathFinder` itself demands that the parent of a namespace package is imported.
    """
    portions: list[str] = []
    for entry in [*path]:
        spec = _in_entry(name, entry)
        if spec is not None and spec.loader is not None:
            return spec
        portions += spec.submodule_search_locations or () if spec is not None else ()
    if not portions:
        return None
    namespace = ModuleSpec(name, None, is_package=True)
    namespace.submodule_search_locations = portions
    return namespace


def _in_entry(name: str, entry: str) -> ModuleSpec | None:
    finder = get_importer(entry or os.getcwd())
    find = getattr(finder, "find_spec", None)
    return None if find is None else find(name)


def _search_path(spec: ModuleSpec) -> list[str]:
    """Return the folders in which the submodules of a package are searched."""
    return list(spec.submodule_search_locations or ())
