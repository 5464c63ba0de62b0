"""Detect and undo changes that an adapter makes to its declaration after it was read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from ..values.capability import Capabilities
from ..values.contract import Contract
from ..values.declaration import Declaration

if TYPE_CHECKING:
    from .protocol import Adapter


def read_declaration(adapter: Adapter, name: str) -> Declaration:
    """Return an adapter's declaration under a name, as a value that shares no mutable part with the adapter."""
    declaration = adapter.declare(name)
    return msgspec.structs.replace(declaration, contract=msgspec.structs.replace(declaration.contract))


def describe_change(adapter: Adapter, declaration: Declaration) -> str:
    """Return how an adapter's declaration differs from the one that was read first, or an empty string.

    An example is `contract.rounding is 'floor', read first as 'half-even'`.
    """
    try:
        now = msgspec.structs.replace(adapter.declare(declaration.sparsifier), supposed=declaration.supposed)
        return "; ".join(_differences(now, declaration))
    except Exception as error:
        return f"it can no longer be read: {type(error).__name__}: {error}"


def _differences(now: Any, first: Any, within: str = "") -> Iterator[str]:
    for name in first.__struct_fields__:
        value, before = getattr(now, name, None), getattr(first, name)
        if isinstance(before, (Contract, Capabilities)):
            yield from _differences(value, before, f"{name}." if isinstance(before, Contract) else "")
        elif value != before:
            yield f"{within}{name} {_describe(value, before)}"


def _describe(value: Any, before: Any) -> str:
    if not isinstance(before, frozenset) or not isinstance(value, frozenset):
        return f"is {value!r}, read first as {before!r}"
    changes = (("has gained", value - before), ("has lost", before - value))
    return " and ".join(f"{verb} {', '.join(sorted(names))}" for verb, names in changes if names)


def restore_declaration(adapter: Adapter, declaration: Declaration) -> None:
    """Set what an adapter declares back to the declaration that was read first, as far as it lets us.

    Otherwise the verdicts of later cells would depend on the order of the cells.
    """
    capabilities = declaration.capabilities
    fields = {
        "contract": msgspec.structs.replace(declaration.contract),
        "supported": " ".join(sorted(capabilities.supported)),
        "unsupported": " ".join(sorted(capabilities.unsupported)),
        "partial": dict(capabilities.partial),
        **{name: getattr(declaration, name) for name in _PLAIN},
    }
    for name, value in fields.items():
        with suppress(AttributeError, TypeError):
            if _content(getattr(adapter, name)) != _content(value):
                setattr(_place(adapter, name), name, value)


_PLAIN = ("distribution", "homepage", "tracker", "profile", "catalogue")


def _content(value: object) -> object:
    """Return a value to compare; the order of names does not count."""
    return sorted(value.split()) if isinstance(value, str) else value


def _place(adapter: Adapter, name: str) -> Any:
    """Return the adapter or the class of it in which Python finds an attribute."""
    if name in vars(adapter):
        return adapter
    return next(cls for cls in type(adapter).__mro__ if name in vars(cls))
