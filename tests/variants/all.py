"""Every variant, registered."""

from . import VARIANTS, contracts, forwarding, holders, masks, narrow, restoring, structural, wrapped

__all__ = ["VARIANTS", "contracts", "forwarding", "holders", "masks", "narrow", "restoring", "structural", "wrapped"]
