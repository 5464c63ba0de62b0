"""Correct sparsifiers that are built, or declared, otherwise than the exemplar: none may be taken for broken."""

from __future__ import annotations

from collections.abc import Callable

from sparsecheck import Adapter

VARIANTS: dict[str, Callable[[], Adapter]] = {}
"""By name: what makes the adapter."""


def variant(name: str) -> Callable[[type[Adapter]], type[Adapter]]:
    """Registers an adapter class as a variant."""

    def register(adapter: type[Adapter]) -> type[Adapter]:
        assert adapter.__doc__, f"{adapter.__name__} does not say how it differs"
        VARIANTS[name] = adapter
        return adapter

    return register
