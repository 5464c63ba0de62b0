"""Every variant, registered."""

from . import VARIANTS, contracts, forwarding, holders, masks, narrow, restoring, structural, tidy, wrapped

__all__ = [
    "VARIANTS", "contracts", "forwarding", "holders", "masks", "narrow", "restoring", "structural", "tidy",
    "wrapped",
]
