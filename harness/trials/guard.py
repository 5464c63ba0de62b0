"""The same world for every case, whatever ran before it."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from .probe import lasting_settings

AT_FIRST = lasting_settings()
"""Those of the process before any adapter was imported: this module is imported first."""

_SEED = 150_602_626


@contextmanager
def same_world() -> Iterator[None]:
    """Random states are set on entry; what `probe.settings` tells of is on exit as it was on entry.

    TF32 is off throughout, so that one table of tolerances serves every device.
    """
    seed()
    tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        with warnings.catch_warnings(), np.errstate(), _torch_settings():
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = tf32


@contextmanager
def _torch_settings() -> Iterator[None]:
    dtype, device, grad, threads = (
        torch.get_default_dtype(), torch.empty(0).device, torch.is_grad_enabled(), torch.get_num_threads()
    )
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        if torch.empty(0).device != device:
            torch.set_default_device(device)


def seed(by: int = _SEED) -> None:
    """The same global random state of Python, NumPy and torch for the same number, and by default none that anyone
    else would seed."""
    random.seed(by)
    np.random.seed(by)
    torch.manual_seed(by)
