"""Expectations: entries for known defects. They are strict, so that no entry outlives its defect."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from functools import cached_property

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from ..catalogue import CATALOGUE, RETIRED, VERSION
from ..errors import SparsecheckError
from ..suggestions import quoted, suggestion
from ..values.cell import Cell
from ..values.declaration import Declaration, Environment
from ..values.expected import Expected
from ..values.versions import meets
from .signature import Signature, TooBroad

EVERY = "*"
"""Stands for every requirement, or every value of an axis."""

AXES = ("layer", "pattern", "dtype", "device")

_KNOWN = (EVERY, *(one.id for one in CATALOGUE), *dict.fromkeys(f"{one.area}-{EVERY}" for one in CATALOGUE))
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_REQUIREMENT = re.compile(r"\*|[A-Z]+-(\*|\d+)")


class InvalidExpectations(SparsecheckError, ValueError):
    """Raised if an expectation file cannot be used; the message names file, entry and key."""


class Expectation(Expected, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A known defect whose values were checked, and that can be applied to failures.

    A signature that is too broad explains nothing, and a file that has it is not accepted (see `problems`); only
    `sparsecheck expect` reads it, to rewrite it.
    """

    @classmethod
    def of(cls, value: Expected) -> Expectation:
        """Return the expectation with the given values.

        Raises:
            ValueError: One of them is invalid.
        """
        return cls(**{name: getattr(value, name) for name in Expected.__struct_fields__})

    @property
    def value(self) -> Expected:
        """Return the plain value, as reports have it."""
        return Expected(**{name: getattr(self, name) for name in Expected.__struct_fields__})

    def __post_init__(self) -> None:
        if self.id and not _ID.fullmatch(self.id):
            raise ValueError(f"id {quoted(self.id)} is not a slug; write lower-case words joined by hyphens")
        if not self.sparsifiers:
            raise ValueError("sparsifiers is empty; name the sparsifiers that have this defect")
        if not self.signatures:
            raise ValueError("signatures is empty; write the kind and the message that the report shows")
        if not self.reason.strip():
            raise ValueError("reason is empty; say in a sentence why it fails")
        for key in ("torch", "version", "until"):
            _check_specifier(key, getattr(self, key))
        _check_scope(self)
        _ = self._parsed

    @cached_property
    def _parsed(self) -> tuple[tuple[Signature, str], ...]:
        """Return the signatures that are narrow enough, with their texts. The others explain nothing."""
        return tuple((one, text) for text in self.signatures if not isinstance(one := _signature(text), TooBroad))

    @property
    def problems(self) -> tuple[str, ...]:
        """Return why signatures are too broad, one sentence each."""
        return tuple(str(one) for text in self.signatures if isinstance(one := _signature(text), TooBroad))

    @property
    def axes(self) -> tuple[tuple[str, ...], ...]:
        """Return the values on each axis; an empty tuple covers all."""
        return tuple(getattr(self, axis) for axis in AXES)

    @property
    def conditions(self) -> tuple[str, str, str, str]:
        """Return the conditions under which the entry holds."""
        return self.torch, self.version, self.platform, self.until

    def holds(self, declaration: Declaration, environment: Environment) -> bool:
        """Return whether the conditions of the entry hold for this package and environment."""
        return (
            meets(environment.torch, self.torch)
            and meets(declaration.version, self.version)
            and environment.platform.startswith(self.platform)
        )

    def expired(self, declaration: Declaration) -> bool:
        """Return whether the package has reached the version by which it was to be fixed."""
        return bool(self.until) and meets(declaration.version, self.until)

    def covers(self, cell: Cell) -> bool:
        """Return whether the defect is expected to break `cell`."""
        here = (cell.layer, cell.pattern, cell.dtype, cell.device)
        if self.cells:
            patterns = (one for name in _names_of(cell) for one in self._patterns.get(name, ()))
            return any(_is_in(sparsifier, axes, cell.sparsifier, here) for sparsifier, axes in patterns)
        return any(one in self.requirements for one in _names_of(cell)) and all(
            not wanted or value in wanted for wanted, value in zip(self.axes, here, strict=True)
        )

    @cached_property
    def _patterns(self) -> dict[str, list[tuple[str, list[str]]]]:
        """Return sparsifier and axes of each pattern of cells, by the requirement, the area or `*` that it names."""
        patterns: dict[str, list[tuple[str, list[str]]]] = {}
        for sparsifier, named, axes in map(_parts, self.cells):
            patterns.setdefault(named, []).append((sparsifier, axes))
        return patterns

    def explains(self, signature: str) -> bool:
        """Return whether the entry explains a failure with this signature."""
        return bool(self.matching(signature))

    def matching(self, signature: str) -> tuple[str, ...]:
        """Return the expected signatures that explain a failure with this signature."""
        return tuple(text for one, text in self._parsed if one.matches(signature))

    def outgrown(self, signature: str) -> str:
        """Return the expected signature that a failure fits except for its extent, or an empty string."""
        fitting = (text for one, text in self._parsed if one.describes(signature) and not one.matches(signature))
        return next(fitting, "")

    def part(self, signature: str) -> str:
        """Return the expected signature whose pattern a failure has in a part of its message, or an empty string."""
        fitting = (text for one, text in self._parsed if one.occurs_in(signature) and not one.describes(signature))
        return next(fitting, "")


def _signature(text: str) -> Signature | TooBroad:
    try:
        return Signature.parse(text)
    except TooBroad as problem:
        return problem


def _check_specifier(key: str, specifier: str) -> None:
    try:
        SpecifierSet(specifier)
    except InvalidSpecifier:
        hint = 'write one such as ">=2.5, <2.7"'
        raise ValueError(f"{key} = {quoted(specifier)} is not a version specifier; {hint}") from None


def _check_scope(entry: Expectation) -> None:
    if entry.cells:
        if entry.requirements or any(entry.axes):
            raise ValueError("cells replace requirements and axes; write one or the other")
        for pattern in entry.cells:
            _check_pattern(pattern, entry.sparsifiers)
        return
    if not entry.requirements:
        raise ValueError("requirements is empty; name the requirements that it breaks, or cells")
    if EVERY in entry.requirements and not any(entry.axes):
        raise ValueError(f"requirement {EVERY!r} needs an axis: layer, pattern, dtype or device")


def _check_pattern(pattern: str, sparsifiers: tuple[str, ...]) -> None:
    name, first, others = _parts(pattern)
    if not _REQUIREMENT.fullmatch(first) or len(others) > len(AXES) or not all(others):
        raise ValueError(f"{quoted(pattern)} is not REQUIREMENT/layer/pattern/dtype/device, in which a part may be *")
    if not {first, *others} - {EVERY}:
        raise ValueError(f"{quoted(pattern)} covers everything; name a requirement or a value on an axis")
    if name and name not in sparsifiers:
        raise ValueError(f"{quoted(pattern)} names {quoted(name)}, which is not one of the entry's sparsifiers")


def _parts(pattern: str) -> tuple[str, str, list[str]]:
    """Split the pattern of a cell into the sparsifier, which may be empty, the requirement and the axes."""
    name, _, axes = pattern.rpartition(":")
    first, *others = axes.split("/")
    return name, first, others


def _names_of(cell: Cell) -> tuple[str, str, str]:
    """Return the names by which an entry can name the requirement of a cell."""
    return EVERY, cell.requirement, f"{cell.area}-{EVERY}"


def _is_in(sparsifier: str, axes: list[str], own: str, here: tuple[str, ...]) -> bool:
    """Return whether a pattern's sparsifier and axes are those of a cell: its `own` and `here`."""
    return sparsifier in ("", own) and all(one in (EVERY, value) for one, value in zip(axes, here, strict=False))


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def in_force(
    expectations: Iterable[Expectation], declaration: Declaration, environment: Environment, planned: Iterable[Cell],
    catalogue: int = VERSION,
) -> tuple[Expectation, ...]:
    """Return the expectations whose conditions hold for this package and environment.

    An entry that covers no planned cell, or names a retired requirement, is an error under the current catalogue. It is
    left out if the adapter was written for an earlier one, or if the run judges by an earlier one: no upgrade of
    sparsecheck makes a sparsifier impossible to judge.

    Args:
        expectations: The entries about the sparsifier.
        declaration: Its declaration.
        environment: Where it is judged.
        planned: All cells of the sparsifier, whatever part was selected.
        catalogue: The catalogue version that the run judges by.

    Raises:
        InvalidExpectations: An entry is past its `until`, depends on a version that does not follow PEP 440, names a
            requirement that does not exist, or covers no planned cell.
    """
    planned, expectations = tuple(planned), tuple(expectations)
    name = declaration.sparsifier
    if any(entry.version or entry.until for entry in expectations) and not _is_version(declaration.version):
        raise InvalidExpectations(
            f"{name}: its version {declaration.version!r} does not follow PEP 440, so no expectation can depend on it"
        )
    is_current = min(catalogue, declaration.catalogue) >= VERSION
    holding = tuple(entry for entry in expectations if entry.holds(declaration, environment))
    for entry in holding:
        _check_entry(entry, declaration, () if is_current else RETIRED)
    covering = tuple(entry for entry in holding if any(entry.covers(cell) for cell in planned))
    if is_current and (idle := [entry for entry in holding if entry not in covering]):
        raise InvalidExpectations(f"{name}: {idle[0].title} covers no planned cell", "Delete or correct it.")
    return covering


def _check_entry(entry: Expectation, declaration: Declaration, retired: Container[str]) -> None:
    name = declaration.sparsifier
    if entry.expired(declaration):
        raise InvalidExpectations(
            f"{name}: {entry.title} was expected until {entry.until}, and this is {declaration.version}",
            "Fix the defect, or renew the entry.",
        )
    if unknown := _unknown(entry, retired):
        problem = f"{name}: {entry.title}: no requirement is called {quoted(unknown)}"
        raise InvalidExpectations(problem, _retired(unknown) or suggestion(unknown, _KNOWN))


def _unknown(entry: Expectation, retired: Container[str]) -> str:
    """Return the first requirement or area that this catalogue never had, or does not have now; or an empty string."""
    named = (*entry.requirements, *(_parts(pattern)[1] for pattern in entry.cells))
    return next((one for one in named if one not in _KNOWN and one not in retired), "")


def _retired(id: str) -> str:
    return f"It was retired: {RETIRED[id]}." if id in RETIRED else ""
