"""Identify the sparsecheck that judges: its version, and a digest of its code."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from importlib.util import find_spec

from .code_digest import digest_of_files, module_files

_PACKAGE = __name__.partition(".")[0]


def own_version() -> str:
    """Return the version of the installed sparsecheck."""
    return version(_PACKAGE)


@cache
def own_digest() -> str:
    """Return the digest of the code of sparsecheck, which is the same for a checkout and for its wheel."""
    names = (_PACKAGE, f"{_PACKAGE}.cases", f"{_PACKAGE}.reference")
    specs = ((name, find_spec(name)) for name in names)  # of the package that is running: its parent is imported
    files = ((name, spec.origin) for name, spec in specs if spec is not None and spec.origin)
    return digest_of_files(pair for name, file in files for pair in module_files(name, file))
