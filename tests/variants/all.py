"""Every variant, registered."""

from . import (
    VARIANTS,
    applied,
    coded,
    contracts,
    forwarding,
    holders,
    masks,
    narrow,
    restoring,
    structural,
    tidy,
    wrapped,
)

__all__ = [
    "VARIANTS", "applied", "coded", "contracts", "forwarding", "holders", "masks", "narrow", "restoring",
    "structural", "tidy", "wrapped",
]
