"""The catalogue: every requirement, by area. Data alone."""

from __future__ import annotations

import hashlib

import msgspec

from ..values.requirement import Requirement
from . import device, mask, reg, smoke, state, struct, trace, train

VERSION = 3
"""Raised whenever a requirement enters, leaves or changes its meaning."""

AREAS: dict[str, tuple[Requirement, ...]] = {
    "SMOKE": smoke.REQUIREMENTS,
    "MASK": mask.REQUIREMENTS,
    "REG": reg.REQUIREMENTS,
    "STATE": state.REQUIREMENTS,
    "TRACE": trace.REQUIREMENTS,
    "TRAIN": train.REQUIREMENTS,
    "DEVICE": device.REQUIREMENTS,
    "STRUCT": struct.REQUIREMENTS,
}

CATALOGUE: tuple[Requirement, ...] = tuple(
    requirement for requirements in AREAS.values() for requirement in requirements
)


class UnknownRequirement(LookupError):
    """No requirement has that id."""


def requirement(id: str) -> Requirement:
    """The requirement called `id`.

    Raises:
        UnknownRequirement: there is none.
    """
    for candidate in CATALOGUE:
        if candidate.id == id:
            return candidate
    raise UnknownRequirement(f"no requirement is called {id!r}; `sparsecheck explain` lists them all")


def digest() -> str:
    """Identifies the catalogue: reports over different digests do not combine."""
    return hashlib.sha256(msgspec.json.encode(CATALOGUE)).hexdigest()[:16]
