"""Watch what the import of a package and its adapter changes in the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .settings import describe_changes, random_state, restore_settings, settings, settings_since

_DRAWN_FROM = "python"
"""The random stream from which rich, on which many packages depend, draws when it is imported."""

_CHANGES: dict[str, tuple[str, ...]] = {}


@contextmanager
def watched_import() -> Iterator[list[str]]:
    """Yield a list that holds, at the end, a description of every change to the process that was made inside.

    The changes are undone, except for those that a package may depend on, such as functions of torch that it replaces.
    """
    changes: list[str] = []
    before, streams = settings(), random_state()
    try:
        yield changes
    finally:
        now = settings_since(before)
        restore_settings(before, now, but_needed=True)
        changes += describe_changes(before, now)
        moved = [name for name, state in random_state().items() if state != streams[name] and name != _DRAWN_FROM]
        changes += [f"the global random state of {name}" for name in moved]


def note_changes(module: str, changes: list[str]) -> None:
    """Note what the import of an adapter's module has changed."""
    _CHANGES[module] = (*_CHANGES.get(module, ()), *changes)


def changes_on_import(module: str) -> tuple[str, ...]:
    """Return what the import of an adapter's module has changed."""
    return _CHANGES.get(module, ())
