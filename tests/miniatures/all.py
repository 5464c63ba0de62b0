"""Every miniature, registered."""

from . import (
    MINIATURES,
    Miniature,
    leaks,
    mask,
    networks,
    ranking,
    reference,
    reg,
    restoring,
    smoke,
    state,
    trace,
    train,
)

__all__ = [
    "MINIATURES", "Miniature", "leaks", "mask", "networks", "ranking", "reference", "reg", "restoring", "smoke",
    "state", "trace", "train",
]
