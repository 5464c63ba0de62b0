"""Every variant, registered."""

from . import VARIANTS, contracts, forwarding, holders, masks, restoring, wrapped

__all__ = ["VARIANTS", "contracts", "forwarding", "holders", "masks", "restoring", "wrapped"]
