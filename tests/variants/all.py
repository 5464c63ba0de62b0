"""Every variant, registered."""

from . import VARIANTS, contracts, holders, masks, restoring, wrapped

__all__ = ["VARIANTS", "contracts", "holders", "masks", "restoring", "wrapped"]
