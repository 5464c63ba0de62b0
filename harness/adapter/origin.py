"""Find out which file and which distribution the judged code comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.utils import canonicalize_name

from ..values.record import Origin
from .module_search import file_of

_CODE = (".py", ".so", ".pyd")


def origin_of(name: str) -> Origin:
    """Return where the code of the distribution `name` is imported from, without importing it."""
    plain = canonicalize_name(name).replace("-", "_")
    try:
        found = distribution(name)
    except (PackageNotFoundError, ValueError):
        return Origin(name, "", file_of(plain), "not installed")
    modules = [*_installed_modules(found, plain), *_named_modules(found), plain]
    file = next((file for module in modules if (file := file_of(module))), "")
    return Origin(name, found.version, file, _deviation(found, file))


def _installed_modules(found: Distribution, plain: str) -> list[str]:
    """Return the outermost modules among the installed files, those called as the distribution first."""
    paths = [path.split("/") for path in _record(found) if path.endswith(_CODE)]
    modules = [parts[:-1] if parts[-1].startswith("__init__.") else [*parts[:-1], parts[-1].split(".")[0]]
               for parts in paths if not parts[0].startswith(("__editable__", ".."))]
    names = {".".join(parts) for parts in modules if parts and all(part.isidentifier() for part in parts)}
    return sorted(names, key=lambda name: (name.count("."), name.partition(".")[0].lower() != plain, name))[:3]


def _record(found: Distribution) -> Iterator[str]:
    """Return the paths of the installed files, relative to the folder of the distribution."""
    for line in (found.read_text("RECORD") or "").splitlines():
        yield line.rpartition(",")[0].rpartition(",")[0].strip('"')


def _named_modules(found: Distribution) -> list[str]:
    """Return the modules that setuptools notes; an editable install has no others among its files."""
    return (found.read_text("top_level.txt") or "").split()


def _deviation(found: Distribution, file: str) -> str:
    """Return what keeps `file` from being that of the installed release, or an empty string."""
    if _is_editable(found):
        return "editable install"
    paths = list(_record(found))
    if not paths:
        return "checkout" if found.read_text("SOURCES.txt") else ""
    here = Path(file).resolve()
    name = here.name
    places = (found.locate_file(path) for path in paths if path.endswith(name))
    return "" if not file or any(Path(str(place)).resolve() == here for place in places) else "checkout"


def _is_editable(found: Distribution) -> bool:
    try:
        url = json.loads(found.read_text("direct_url.json") or "{}")
    except ValueError:
        return False
    info = url.get("dir_info") if isinstance(url, dict) else None
    return isinstance(info, dict) and info.get("editable") is True
