"""Every miniature, registered."""

from . import (
    MINIATURES,
    Miniature,
    device,
    leaks,
    mask,
    networks,
    ranking,
    reference,
    refuse,
    reg,
    restoring,
    smoke,
    state,
    struct,
    trace,
    train,
)

__all__ = [
    "MINIATURES", "Miniature", "device", "leaks", "mask", "networks", "ranking", "reference", "refuse", "reg",
    "restoring", "smoke", "state", "struct", "trace", "train",
]
