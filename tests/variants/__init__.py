"""Correct sparsifiers that are built or declared differently from the exemplar; none may be rejected."""

from __future__ import annotations

from collections.abc import Callable

from sparsecheck import Adapter

VARIANTS: dict[str, Callable[[], Adapter]] = {}
"""By name, a function that creates the adapter."""


def variant(name: str) -> Callable[[type[Adapter]], type[Adapter]]:
    """Register an adapter class as a variant."""

    def register(adapter: type[Adapter]) -> type[Adapter]:
        assert adapter.__doc__, f"{adapter.__name__} does not say how it differs"
        VARIANTS[name] = adapter
        return adapter

    return register
