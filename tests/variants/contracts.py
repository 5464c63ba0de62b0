"""The exemplar with every other contract that is true of it."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from sparsecheck import Adapter
from sparsecheck.adapter.shipped.exemplar import CONTRACT, ExemplarAdapter
from sparsecheck.values.contract import INVARIANCES

from . import VARIANTS

CLAUSES: tuple[dict[str, str], ...] = (
    {"rounding": "half-up"},
    {"rounding": "floor"},
    {"rounding": "ceil"},
    {"level_basis": "remaining"},
    {"level_basis": "remaining", "masks_at": "attach"},
    {"level_basis": "remaining", "regrowth": "monotone"},
    {"regrowth": "monotone"},
    {"score": "magnitude-l2"},
    {"masks_at": "attach"},
    {"mask_storage": "sidecar"},
    {"mask_storage": "both"},
    {"mask_storage": "nowhere"},
    {"ragged": "prune"},
    {"ragged": "refuse"},
    {"ties": "highest index"},
    {"ties": "any"},
    {"sizes": "multiples of 16"},
    {"invariances": " ".join(INVARIANCES)},
)


def exemplar(clauses: dict[str, str]) -> Adapter:
    """Return an exemplar that is built and declared by these clauses."""
    adapter = ExemplarAdapter()
    adapter.contract = replace(CONTRACT, **clauses)
    return adapter


VARIANTS["exemplar"] = ExemplarAdapter
VARIANTS |= {
    ", ".join(f"{clause}={value}" for clause, value in clauses.items()): partial(exemplar, clauses)
    for clauses in CLAUSES
}
