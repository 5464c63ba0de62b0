"""Which versions a specifier takes in."""

from __future__ import annotations

from functools import lru_cache

from packaging.specifiers import SpecifierSet
from packaging.version import Version


@lru_cache
def meets(version: str, specifier: str) -> bool:
    """Whether the release that `version` is, or leads to, is within `specifier` (PEP 440). Any is where there is none.

    Raises:
        InvalidVersion, InvalidSpecifier: one is not written as PEP 440 has it, and there is a specifier.
    """
    return not specifier or SpecifierSet(specifier).contains(Version(version).base_version)
