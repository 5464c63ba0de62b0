"""Broken in what it changes in the process when it is imported; each such sparsifier is in a module of its own."""

from __future__ import annotations

import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.process.imports import note_changes, watched_import

from . import breaks

with watched_import() as _changes:
    sys.setrecursionlimit(sys.getrecursionlimit() + 1)
note_changes(__name__, _changes)


@breaks("PROCESS-01", "changed-on-import")
class RaisesTheRecursionLimit(ExemplarAdapter):
    """Its module raises the recursion limit when it is imported."""
