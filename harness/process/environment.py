"""The environment of a run: interpreter, libraries and devices."""

from __future__ import annotations

import platform
import sys

import numpy as np
import torch

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
    )
