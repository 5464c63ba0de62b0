"""Matching of versions against PEP 440 specifiers."""

from __future__ import annotations

from functools import lru_cache

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version


@lru_cache
def meets(version: str, specifier: str) -> bool:
    """Return whether a version meets a PEP 440 specifier. Every version meets an empty specifier.

    A pre-release or development version counts as the release that it leads to.

    Raises:
        InvalidVersion: The version does not follow PEP 440, and the specifier is not empty.
        InvalidSpecifier: The specifier does not follow PEP 440.
    """
    return not specifier or SpecifierSet(specifier).contains(Version(version).base_version)


def is_version(text: str) -> bool:
    """Return whether a text is a version that `meets` can compare."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
