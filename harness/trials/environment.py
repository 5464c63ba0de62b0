"""Where this run takes place; the one place that knows about devices."""

from __future__ import annotations

import platform
import sys

import numpy as np
import torch

from ..values.declaration import Environment


def here() -> Environment:
    """This interpreter, its torch and its devices."""
    accelerator = _accelerator()
    name = torch.cuda.get_device_name() if accelerator == "cuda" else accelerator or ""
    return Environment(
        torch=str(torch.__version__),
        numpy=np.__version__,
        python=platform.python_version(),
        platform=sys.platform,
        devices=("cpu", accelerator) if accelerator else ("cpu",),
        accelerator=name,
    )


def _accelerator() -> str | None:
    """The accelerator's device type; torch.accelerator where this torch has it, else CUDA or none."""
    if hasattr(torch, "accelerator"):
        current = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        return current.type if current is not None else None
    return "cuda" if torch.cuda.is_available() else None
