"""The catalogue: every requirement, by area. It contains data only."""

from __future__ import annotations

from msgspec.structs import replace

from ..errors import SparsecheckError
from ..suggestions import UnknownName
from ..values.requirement import Requirement
from . import (
    compose,
    declare,
    device,
    life,
    mask,
    model,
    optim,
    process,
    refuse,
    reg,
    resume,
    sched,
    smoke,
    state,
    struct,
    trace,
    train,
    walk,
)

VERSION = 4
"""The catalogue version. It rises whenever a requirement is added, retired or given another meaning."""

RETIRED: dict[str, str] = {}
"""Requirements that were removed from the catalogue: by id, the reason or the id of the replacement."""

AREAS: dict[str, tuple[Requirement, ...]] = {
    "SMOKE": smoke.REQUIREMENTS,
    "MASK": mask.REQUIREMENTS,
    "REG": reg.REQUIREMENTS,
    "STATE": state.REQUIREMENTS,
    "TRACE": trace.REQUIREMENTS,
    "TRAIN": train.REQUIREMENTS,
    "OPTIM": optim.REQUIREMENTS,
    "SCHED": sched.REQUIREMENTS,
    "RESUME": resume.REQUIREMENTS,
    "LIFE": life.REQUIREMENTS,
    "COMPOSE": compose.REQUIREMENTS,
    "MODEL": model.REQUIREMENTS,
    "DEVICE": device.REQUIREMENTS,
    "STRUCT": struct.REQUIREMENTS,
    "REFUSE": refuse.REQUIREMENTS,
    "PROCESS": process.REQUIREMENTS,
    "DECLARE": declare.REQUIREMENTS,
    "WALK": walk.REQUIREMENTS,
}

CATALOGUE: tuple[Requirement, ...] = tuple(
    requirement for requirements in AREAS.values() for requirement in requirements
)


_AXES = ("layers", "patterns", "dtypes", "devices")


class UnknownRequirement(UnknownName):
    """Raised if no requirement has the given id."""


class UnknownCatalogue(SparsecheckError, LookupError):
    """Raised if there is no catalogue of the given version."""


def requirement(id: str) -> Requirement:
    """Return the requirement with this id.

    Raises:
        UnknownRequirement: No requirement has this id.
    """
    if found := find_requirement(id):
        return found
    raise UnknownRequirement("requirement", id, [one.id for one in CATALOGUE], "`sparsecheck explain` lists them all.")


def find_requirement(id: str) -> Requirement | None:
    """Return the requirement with this id, or None if this catalogue does not have it."""
    return next((candidate for candidate in CATALOGUE if candidate.id == id), None)


def at_version(version: int) -> tuple[Requirement, ...]:
    """Return the requirements that catalogue `version` already had with their present meaning, in today's wording.

    A requirement that was revised later cannot be judged as it was then, and is left out.

    Raises:
        UnknownCatalogue: There is no such version.
    """
    if not 1 <= version <= VERSION:
        raise UnknownCatalogue(f"there is no catalogue {version}", f"This sparsecheck has 1 to {VERSION}.")
    return tuple(_at(one, version) for one in CATALOGUE if one.introduced() <= version)


def _at(requirement: Requirement, version: int) -> Requirement:
    """Return the requirement without the axis values that later catalogues added."""
    later = {value for value, since in requirement.added if since > version}
    axes = {name: tuple(value for value in getattr(requirement, name) if value not in later) for name in _AXES}
    return replace(requirement, **axes) if later else requirement


def revisions(version: int = VERSION) -> dict[str, int]:
    """Return the revision of every requirement of catalogue `version`, by id.

    Raises:
        UnknownCatalogue: There is no such version.
    """
    return {one.id: one.revision for one in at_version(version)}
