"""Patterns: the part of one parameter that is to be removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class InvalidPattern(ValueError):
    """Raised for a pattern that no parameter could have."""


def _check_level(level: float) -> None:
    if not 0.0 <= level <= 1.0:
        raise InvalidPattern(f"level is the fraction removed, from 0 to 1, not {level!r}")


@dataclass(frozen=True, eq=False)
class Given:
    """A mask chosen by the caller: a boolean array of the parameter's shape, True where kept."""

    mask: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.mask.dtype.kind != "b":
            raise InvalidPattern(f"a given mask is boolean, not {self.mask.dtype}")


@dataclass(frozen=True)
class Unstructured:
    """Removal of single entries; `level` is the fraction removed."""

    level: float

    def __post_init__(self) -> None:
        _check_level(self.level)


@dataclass(frozen=True)
class Block:
    """Removal of whole blocks of `shape` (rows, columns) of a matrix; `level` is the fraction of blocks removed."""

    shape: tuple[int, int]
    level: float

    def __post_init__(self) -> None:
        _check_level(self.level)
        if min(self.shape) < 1:
            raise InvalidPattern(f"a block has at least one row and one column, not {self.shape}")


@dataclass(frozen=True)
class NofM:
    """N:M sparsity: `n` of each `m` consecutive entries along the input dimension are kept."""

    n: int
    m: int

    def __post_init__(self) -> None:
        if not 0 < self.n <= self.m:
            raise InvalidPattern(f"N:M keeps n of m with 0 < n <= m, not {self.n}:{self.m}")


@dataclass(frozen=True)
class Channel:
    """Removal of whole slices along dimension `dim` (0 = outputs, 1 = inputs); `level` is the fraction removed."""

    level: float
    dim: int = 0

    def __post_init__(self) -> None:
        _check_level(self.level)


@dataclass(frozen=True)
class Band:
    """A band of odd `width` around the main diagonal of a matrix, which is kept: |row - column| <= width // 2."""

    width: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.width % 2 == 0:
            raise InvalidPattern(f"a band's width is odd and positive, not {self.width}")


Pattern = Given | Unstructured | Block | NofM | Channel | Band
