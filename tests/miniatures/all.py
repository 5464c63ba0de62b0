"""Every miniature, registered."""

from . import (
    MINIATURES,
    Miniature,
    clauses,
    compose,
    declare,
    device,
    importing,
    leaks,
    life,
    lifetime,
    mask,
    networks,
    optim,
    process,
    ranking,
    reference,
    refuse,
    reg,
    relations,
    restoring,
    resume,
    sched,
    smoke,
    state,
    struct,
    struct_sched,
    trace,
    train,
    walk,
)

__all__ = [
    "MINIATURES", "Miniature", "clauses", "compose", "declare", "device", "importing", "leaks", "life", "lifetime",
    "mask", "networks", "optim", "process", "ranking", "reference", "refuse", "reg", "relations", "restoring", "resume",
    "sched", "smoke", "state", "struct", "struct_sched", "trace", "train", "walk",
]
