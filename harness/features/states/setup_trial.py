"""Where states are written and read: one small network, the same under every torch."""

from __future__ import annotations

import platform
from importlib.metadata import version

import numpy as np
import torch

from ...adapter.discovery import Found
from ...adapter.protocol import Adapter
from ...catalogue.axes import canonical_pattern
from ...oracle.networks import network
from ...trials.trial import Trial
from ...values.capability import Support
from ...values.cell import Cell
from .stored_states import Maker

SALT = "states"
LAYER = "short"
REQUIREMENT = "STATE-11"
"""The requirement that this is over time; models and inputs are drawn from its name."""

NEEDS = ("linear", "float32", "cpu", "restore")
"""The capabilities that a state takes, beside one pattern."""


def lacking(found: Found) -> list[str]:
    """What it takes to have a state kept that the sparsifier does not offer."""
    capabilities = found.declaration.capabilities
    return [name for name in NEEDS if capabilities.support(name) is not Support.SUPPORTED]


def trial_of(found: Found, layer: str, pattern: str) -> Trial:
    """The sparsifier on the network that `layer` stands for.

    Raises:
        KeyError, ValueError: no network or no pattern is written so.
    """
    cell = Cell(found.name, REQUIREMENT, layer, pattern, "float32", "cpu")
    return Trial(cell, found.adapter).with_network(network(layer, SALT, found.adapter.contract.multiple), SALT)


def pattern_of(found: Found) -> str:
    """The pattern that a sparsifier's state is written with."""
    return canonical_pattern(found.declaration)


def maker(adapter: Adapter | None) -> Maker:
    """The versions here."""
    return Maker(
        torch=str(torch.__version__), numpy=np.__version__, python=platform.python_version(),
        sparsecheck=version("sparsecheck"), package=adapter.version if adapter else "",
    )
