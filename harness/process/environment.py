"""The environment of a run: interpreter, libraries and devices."""

from __future__ import annotations

import platform
import sys
from functools import lru_cache

import numpy as np
import torch

from ..adapter.distributions import installed
from ..values.declaration import Environment
from . import device


def here() -> Environment:
    """Return the environment of this process."""
    hardware = device.hardware()
    return Environment(
        torch=str(torch.__version__),
        numpy=np.__version__,
        python=platform.python_version(),
        platform=sys.platform,
        devices=device.devices(),
        accelerator=hardware.name,
        driver=hardware.driver,
        capability=hardware.capability,
        offers=device.offers(),
        digits=_digits(),
    )


@lru_cache(maxsize=1)
def _digits() -> str:
    """Return the version of scikit-learn, which ships the images of digits; an empty string if it is not installed."""
    found = installed("scikit-learn")
    return found.version if found is not None else ""
