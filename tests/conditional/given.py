"""Masks that a caller gives."""

from __future__ import annotations

import numpy as np

from sparsecheck import Given

FORTRAN = Given(np.asfortranarray(np.arange(48).reshape(8, 6) % 5 < 2))
"""A mask for a weight of 8 by 6 in Fortran order."""
