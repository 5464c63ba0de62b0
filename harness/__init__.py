"""sparsecheck: a conformance harness and regression suite for PyTorch sparsifiers.

This module exports the names that adapters and cases use. Each is imported on first access, so that commands which do
not need torch start without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapter.holders import BufferSparsified as BufferSparsified
    from .adapter.holders import InPlaceSparsified as InPlaceSparsified
    from .adapter.holders import ParametrizedSparsified as ParametrizedSparsified
    from .adapter.protocol import Adapter as Adapter
    from .adapter.protocol import Context as Context
    from .adapter.protocol import Refusal as Refusal
    from .adapter.protocol import Saved as Saved
    from .adapter.protocol import Sparsified as Sparsified
    from .adapter.schedules import Scheduled as Scheduled
    from .trials.case_marker import case as case
    from .trials.trial import Trial as Trial
    from .values.capability import CAPABILITIES as CAPABILITIES
    from .values.contract import Contract as Contract
    from .values.pattern import Band as Band
    from .values.pattern import Block as Block
    from .values.pattern import Channel as Channel
    from .values.pattern import Given as Given
    from .values.pattern import NofM as NofM
    from .values.pattern import Pattern as Pattern
    from .values.pattern import Unstructured as Unstructured
    from .values.plan import Plan as Plan
    from .values.schedule import Schedule as Schedule
    from .values.violation import Violation as Violation
    from .values.violation import require as require

_HOMES = {
    "values.pattern": "Band Block Channel Given NofM Pattern Unstructured",
    "values.plan": "Plan",
    "values.capability": "CAPABILITIES",
    "values.contract": "Contract",
    "adapter.protocol": "Adapter Context Refusal Saved Sparsified",
    "adapter.schedules": "Scheduled",
    "adapter.holders": "BufferSparsified InPlaceSparsified ParametrizedSparsified",
    "values.schedule": "Schedule",
    "values.violation": "Violation require",
    "trials.case_marker": "case",
    "trials.trial": "Trial",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'sparsecheck' has no attribute {name!r}")
    return getattr(import_module(f".{_HOME_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(_HOME_OF)
