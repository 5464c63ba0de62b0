"""Every variant, registered."""

from . import (
    VARIANTS,
    bank,
    contracts,
    doors,
    forwarding,
    gradients,
    holders,
    masks,
    narrow,
    reparametrized,
    restoring,
    structural,
    tidy,
    wrapped,
)

__all__ = [
    "VARIANTS", "bank", "contracts", "doors", "forwarding", "gradients", "holders", "masks", "narrow",
    "reparametrized", "restoring", "structural", "tidy", "wrapped",
]
