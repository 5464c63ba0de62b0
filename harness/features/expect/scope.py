"""Describe a set of failing cells as the scope of an expectation: requirements and axes, or a list of cells."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product

from ...report.expectation import AXES, EVERY
from ...values.cell import Cell

Box = dict[str, tuple[str, ...]]
"""Values by axis; an empty tuple stands for all values. `requirement` is also an axis, and always has values."""

Scope = dict[str, tuple[str, ...]]
"""Fields of an expectation: `requirements` and axes, or `cells`."""

_WIDENED_FIRST = ("device", "dtype", "pattern", "layer")


def scope(cells: Collection[Cell], avoid: Collection[Cell]) -> Scope:
    """Return a scope that covers all of `cells` and none of `avoid`, whatever their sparsifiers."""
    found = boxes(cells, avoid)
    plain: Scope = dict.fromkeys(("requirements", "cells", *AXES), ())
    if len(found) == 1:
        return {**plain, **{axis: found[0][axis] for axis in AXES}, "requirements": found[0]["requirement"]}
    return {**plain, "cells": tuple(dict.fromkeys(pattern for box in found for pattern in _patterns(box)))}


def joined(scopes: Sequence[tuple[Sequence[str], Scope]]) -> Scope:
    """Join the scopes of several sparsifiers.

    Args:
        scopes: Pairs of the names of sparsifiers and their common scope.
    """
    if len(scopes) == 1:
        return scopes[0][1]
    cells = (f"{name}:{pattern}" for names, one in scopes for name in names for pattern in patterns(one))
    return {**dict.fromkeys(("requirements", *AXES), ()), "cells": tuple(cells)}


def patterns(scope: Scope) -> Iterable[str]:
    """Return a scope as a list of cells."""
    return scope["cells"] or _patterns({**scope, "requirement": scope["requirements"]})


def _patterns(box: Mapping[str, tuple[str, ...]]) -> Iterable[str]:
    """Yield the cells of a box in the syntax of an expectation."""
    for values in product(box["requirement"], *(box[axis] or (EVERY,) for axis in AXES)):
        parts = list(values)
        while parts[-1] == EVERY:
            parts.pop()
        yield "/".join(parts)


def boxes(cells: Iterable[Cell], avoid: Collection[Cell]) -> list[Box]:
    """Return a few boxes that contain all of `cells` and none of `avoid`, and restrict as few axes as possible."""
    groups: list[list[Cell]] = []
    for cell in cells:
        fitting = (group for group in groups if not _hits(_hull([*group, cell]), avoid))
        group = next(fitting, None)
        if group is None:
            groups.append([cell])
        else:
            group.append(cell)
    return [_widened(_hull(group), avoid) for group in groups]


def _hull(cells: Sequence[Cell]) -> Box:
    axes = ("requirement", *_WIDENED_FIRST)
    return {axis: tuple(dict.fromkeys(getattr(cell, axis) for cell in cells)) for axis in axes}


def _hits(box: Mapping[str, tuple[str, ...]], cells: Iterable[Cell]) -> bool:
    return any(_is_in(cell, box) for cell in cells)


def _is_in(cell: Cell, box: Mapping[str, tuple[str, ...]]) -> bool:
    return all(not values or getattr(cell, axis) in values for axis, values in box.items())


def _widened(box: Box, avoid: Collection[Cell]) -> Box:
    for axis in _WIDENED_FIRST:
        wider = {**box, axis: ()}
        if not _hits(wider, avoid):
            box = wider
    return box
