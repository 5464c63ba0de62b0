"""Identify the sparsecheck that judges: its version, and a digest of its code."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from .code_digest import digest_of_files, module_files

_PACKAGE = __name__.partition(".")[0]
_INIT = str(Path(__file__).parents[1] / "__init__.py")
"""The file of the package, found from this one, since a folder of that name can come first on the import path."""


def own_version() -> str:
    """Return the version of the installed sparsecheck."""
    return version(_PACKAGE)


@cache
def own_digest() -> str:
    """Return the digest of the code of sparsecheck, which is the same for a checkout and for its wheel."""
    specs = {name: find_spec(name) for name in (f"{_PACKAGE}.cases", f"{_PACKAGE}.reference")}
    parts = {name: spec.origin for name, spec in specs.items() if spec is not None and spec.origin}
    files = {_PACKAGE: _INIT, **parts}
    return digest_of_files(pair for name, file in files.items() for pair in module_files(name, file))
