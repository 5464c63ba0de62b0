"""The images of handwritten digits that scikit-learn ships: real data without a download.

The file is read without an import of scikit-learn, which takes a second and changes environment variables.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import reading
from ..values.violation import CannotJudge

TRAINING = 1152
"""The number of images to train on, the first ones; the others measure the accuracy."""

PIXELS = 64
_MOST_INK = 16


@lru_cache(maxsize=1)
def digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return 1797 images of 8 x 8 pixels between 0 and 1, and the digit that each shows.

    Raises:
        CannotJudge: scikit-learn is not installed, or its file is not as expected.
    """
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise CannotJudge("scikit-learn, which ships the digits, is not installed")
    file = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    try:
        lines = reading.unpack(reading.read_bytes(file)).split()
        table = np.array([line.split(b",") for line in lines]).astype(np.float64).reshape(-1, PIXELS + 1)
    except (reading.CannotRead, ValueError) as error:
        raise CannotJudge(f"the digits of scikit-learn cannot be read from {file.name}: {error}") from None
    return table[:, :PIXELS].reshape(-1, 8, 8) / _MOST_INK, table[:, PIXELS].astype(np.int64)
