"""Every variant, registered."""

from . import (
    VARIANTS,
    applied,
    bank,
    coded,
    contracts,
    doors,
    forwarding,
    gradients,
    holders,
    masks,
    narrow,
    reparametrized,
    restoring,
    scheduled,
    scores,
    shared,
    structural,
    tidy,
    wrapped,
)

__all__ = [
    "VARIANTS", "applied", "bank", "coded", "contracts", "doors", "forwarding", "gradients", "holders", "masks",
    "narrow", "reparametrized", "restoring", "scheduled", "scores", "shared", "structural", "tidy", "wrapped",
]
