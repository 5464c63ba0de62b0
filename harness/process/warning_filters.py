"""Judge alike whatever warnings filters the user has set."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def warnings_are_no_errors() -> Iterator[None]:
    """Leave out, inside, the filters that turn warnings into exceptions; the others stay in force.

    Under such a filter a sparsifier that only warns would seem to refuse, and a good one would fail.
    """
    with warnings.catch_warnings():
        kept = [entry for entry in warnings.filters if entry[0] != "error"]
        warnings.resetwarnings()
        warnings.filters[:] = kept  # type: ignore[index]
        yield
