"""Set up the trial in which a state is written or read: one small network, equal under every torch version."""

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
"""The requirement that is checked across torch versions; its id is the seed of models and inputs."""

NEEDS = ("linear", "float32", "cpu", "restore")
"""The capabilities that a stored state needs, in addition to a pattern."""


def lacking(found: Found) -> list[str]:
    """Return the needed capabilities that the sparsifier does not support."""
    capabilities = found.declaration.capabilities
    return [name for name in NEEDS if capabilities.support(name) is not Support.SUPPORTED]


def trial_of(found: Found, layer: str, pattern: str) -> Trial:
    """Return the trial of a sparsifier on one network with one pattern.

    Raises:
        KeyError: There is no network called `layer`.
        ValueError: `pattern` is not a pattern.
    """
    cell = Cell(found.name, REQUIREMENT, layer, pattern, "float32", "cpu")
    trial = Trial(cell, found.adapter, found.declaration)
    return trial.with_network(network(layer, SALT, trial.contract.multiple), SALT)


def pattern_of(found: Found) -> str:
    """Return the pattern with which a sparsifier's state is written."""
    return canonical_pattern(found.declaration)


def maker(adapter: Adapter | None) -> Maker:
    """Return the installed versions."""
    return Maker(
        torch=str(torch.__version__), numpy=np.__version__, python=platform.python_version(),
        sparsecheck=version("sparsecheck"), package=adapter.version if adapter else "",
    )
