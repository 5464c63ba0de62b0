"""The same world for every case, whatever ran before it."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_SEED = 150_602_626


@contextmanager
def same_world() -> Iterator[None]:
    """Random states, default dtype, grad mode and warnings filters: set on entry, restored on exit.

    TF32 is off throughout, so that one table of tolerances serves every device.
    """
    seed()
    dtype, grad = torch.get_default_dtype(), torch.is_grad_enabled()
    tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        with warnings.catch_warnings():
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = tf32


def seed(by: int = _SEED) -> None:
    """The same global random state of Python, NumPy and torch for the same number, and by default none that anyone
    else would seed."""
    random.seed(by)
    np.random.seed(by)
    torch.manual_seed(by)
