"""Known failures, read from TOML beside an adapter; strict, so that none outlives its defect."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from ..catalogue import CATALOGUE
from ..errors import SparsecheckError
from ..values.cell import Cell
from ..values.declaration import Declaration, Environment
from ..values.versions import meets

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


EVERY = "*"
"""For a defect that meets every requirement on the axes that the entry names."""

UNEXPLAINED = "UNEXPLAINED"
"""What the reason of an entry begins with until someone has said why it fails."""


class InvalidExpectations(SparsecheckError, ValueError):
    """An expectation file that cannot be read as one; the message names file, entry and key."""


class Expectation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One known failure, an entry `[[known]]` of the file.

    sparsifiers: the registered names it is about.
    requirement: its id; or `*`, every requirement on the axes that are named.
    reason: why it fails, in a sentence. link: the upstream issue, or where it is described.
    signature: the kind of mismatch (`aliased`), or `ExceptionType: pattern`, the pattern a regular
        expression searched in the exception's message.
    layer, pattern, dtype, device: the cells it covers; an axis left out covers all its values.
    torch, version: PEP 440 specifiers on torch and on the sparsifier's distribution, under which it holds.
    platform: a prefix of `sys.platform`.
    until: a specifier on the distribution; once the version meets it, the entry is an error.
    """

    sparsifiers: tuple[str, ...]
    requirement: str
    reason: str
    signature: str
    link: str = ""
    layer: tuple[str, ...] = ()
    pattern: tuple[str, ...] = ()
    dtype: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    torch: str = ""
    version: str = ""
    platform: str = ""
    until: str = ""

    def __post_init__(self) -> None:
        for specifier in (self.torch, self.version, self.until):
            SpecifierSet(specifier)
        re.compile(self._message_pattern)
        if not self.reason or not self.signature:
            raise ValueError("reason and signature may not be empty")
        if not self.sparsifiers:
            raise ValueError("sparsifiers names none")
        if self.requirement == EVERY and not (self.layer or self.pattern or self.dtype or self.device):
            raise ValueError(f"requirement {EVERY!r} needs an axis: layer, pattern, dtype or device")

    @property
    def _message_pattern(self) -> str:
        return self.signature.partition(": ")[2]

    def holds(self, declaration: Declaration, environment: Environment) -> bool:
        """Whether its conditions hold for this package here."""
        return (
            meets(environment.torch, self.torch)
            and meets(declaration.version, self.version)
            and environment.platform.startswith(self.platform)
        )

    def expired(self, declaration: Declaration) -> bool:
        """Whether the package has reached the version by which it was to be mended."""
        return bool(self.until) and meets(declaration.version, self.until)

    def covers(self, cell: Cell) -> bool:
        axes = ((self.layer, cell.layer), (self.pattern, cell.pattern), (self.dtype, cell.dtype))
        return self.requirement in (EVERY, cell.requirement) and all(
            not wanted or value in wanted for wanted, value in (*axes, (self.device, cell.device))
        )

    def explains(self, signature: str) -> bool:
        """Whether a failure's `signature` is the one expected."""
        kind, _, message = signature.partition(": ")
        expected = self.signature.partition(": ")[0]
        return kind == expected and re.search(self._message_pattern, message) is not None


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def parse_expectations(text: str, where: str) -> tuple[Expectation, ...]:
    """All expectations in the TOML `text`.

    Raises:
        InvalidExpectations: as `parse_entries`, or a reason that no one has given yet; names `where`.
    """
    entries = parse_entries(text, where)
    for number, entry in enumerate(entries, 1):
        if entry.reason.startswith(UNEXPLAINED):
            problem = f"{entry.requirement} is still {UNEXPLAINED}: say in its reason why it fails"
            raise InvalidExpectations(f"{where}: entry {number}: {problem}")
    return entries


def parse_entries(text: str, where: str) -> tuple[Expectation, ...]:
    """All entries in the TOML `text`, explained or not.

    Raises:
        InvalidExpectations: no TOML, an unknown key, a missing one, or a bad specifier; names `where`.
    """
    try:
        document: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidExpectations(f"{where}: no TOML: {error}") from None
    if stray := sorted(set(document) - {"known"}):
        raise InvalidExpectations(f"{where}: unknown table {stray[0]!r}; entries are written [[known]]")
    entries = document.get("known", [])
    if not isinstance(entries, list):
        raise InvalidExpectations(f"{where}: entries are written [[known]], in double brackets")
    return tuple(_entry(entry, f"{where}: entry {n}") for n, entry in enumerate(entries, 1))


def _entry(entry: Any, where: str) -> Expectation:
    try:
        return msgspec.convert(entry, Expectation)
    except (msgspec.ValidationError, InvalidSpecifier, re.error, ValueError) as error:
        raise InvalidExpectations(f"{where}: {error}") from None


def read_expectations(path: Path, sparsifier: str) -> tuple[Expectation, ...]:
    """The expectations about `sparsifier` in the file at `path`; none where there is no file.

    Raises:
        InvalidExpectations: the file cannot be read as expectations.
    """
    if not path.exists():
        return ()
    return tuple(entry for entry in parse_expectations(read_text(path), str(path)) if sparsifier in entry.sparsifiers)


def read_text(path: Path) -> str:
    """The text of the expectation file at `path`.

    Raises:
        InvalidExpectations: it is not UTF-8, or cannot be read.
    """
    try:
        return path.read_text("utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise InvalidExpectations(f"{path}: {error}") from None


def in_force(
    expectations: Iterable[Expectation], declaration: Declaration, environment: Environment, planned: Iterable[Cell]
) -> tuple[Expectation, ...]:
    """The expectations whose conditions hold here.

    Raises:
        InvalidExpectations: one is past its `until`, goes by a version that is none, is on no requirement, or covers
            none of the cells planned.
    """
    planned, expectations = tuple(planned), tuple(expectations)
    if any(entry.version or entry.until for entry in expectations) and not _is_version(declaration.version):
        raise InvalidExpectations(
            f"{declaration.sparsifier}: its version, {declaration.version!r}, is none by PEP 440, so that no "
            "expectation can go by it"
        )
    holding = tuple(entry for entry in expectations if entry.holds(declaration, environment))
    for entry in holding:
        if entry.expired(declaration):
            raise InvalidExpectations(
                f"{declaration.sparsifier}: the expectation on {entry.requirement} was to hold until "
                f"{entry.until}, and this is {declaration.version}: mend or renew it"
            )
        if entry.requirement not in (EVERY, *(one.id for one in CATALOGUE)):
            raise InvalidExpectations(f"{declaration.sparsifier}: no requirement is called {entry.requirement}")
        if not any(entry.covers(cell) for cell in planned):
            raise InvalidExpectations(
                f"{declaration.sparsifier}: the expectation on {entry.requirement} covers no cell that is planned"
            )
    return holding
