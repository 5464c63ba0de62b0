"""Every miniature, registered."""

from . import (
    MINIATURES,
    Miniature,
    device,
    importing,
    leaks,
    mask,
    networks,
    process,
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
    walk,
)

__all__ = [
    "MINIATURES", "Miniature", "device", "importing", "leaks", "mask", "networks", "process", "ranking",
    "reference", "refuse", "reg", "restoring", "smoke", "state", "struct", "trace", "train", "walk",
]
