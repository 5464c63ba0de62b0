"""Try out which networks a structural sparsifier takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from ...values.declaration import Declaration
from ...values.steps import Attach, Update
from ...values.structural_program import WINDOWS, StructuralProgram
from ...values.violation import Violation
from ..taking import NotOffered
from .fill import fill
from .offer import FORMS, OF_CONVOLUTIONS, OF_FEATURES, OF_IMAGES, StructuralOffer
from .skeleton import Block, Form, StructuralSkeleton

_BLOCKS: tuple[Form, ...] = get_args(Form)


def probed(
    declaration: Declaration, run: Callable[[StructuralProgram], None], keeps_broken: bool = False
) -> StructuralOffer:
    """Return what a sparsifier takes: each kind of layer is tried with all that may follow it.

    Args:
        declaration: Its declaration.
        run: Runs a program; it raises `NotOffered` or `Violation` as a walk does.
        keeps_broken: Whether a kind of layer counts as taken if every plan for it fails in the same way, so that one
            defect does not leave all others unseen.
    """
    offer = StructuralOffer(declaration, {})
    part = declaration.capabilities.part("channel")
    for kind in WINDOWS:
        if offer.has("channel") and offer.has(kind) and (not part or kind in part):
            defined = [form for form in FORMS if _is_defined(offer, kind, form)]
            taken = tuple(
                form for form in defined
                if _takes(run, offer, kind, form) or (keeps_broken and _is_like_plain(offer, kind, form))
            )
            if "plain" in taken:
                offer.patterns[kind] = taken
    return offer


def _is_defined(offer: StructuralOffer, kind: str, form: str) -> bool:
    if form in (OF_CONVOLUTIONS if kind == "linear" else OF_FEATURES) or (form in OF_IMAGES and kind != "conv2d"):
        return False
    if form == "view":
        return offer.has("conv2d")
    return form != "flatten" or "linear" in offer.patterns


def probe_of(offer: StructuralOffer, kind: str, form: str) -> StructuralProgram:
    """Return the program that tries out one kind of layer with one thing that may follow it.

    Args:
        offer: What the sparsifier takes; only kinds that are tried before `kind` count.
        kind: The kind of layer.
        form: What follows it.
    """
    kinds = [*WINDOWS]
    earlier = {one: forms for one, forms in offer.patterns.items() if kinds.index(one) < kinds.index(kind)}
    every = StructuralOffer(offer.declaration, {**earlier, kind: FORMS})
    return fill(_probe([*every.patterns].index(kind), form), every)


def _takes(run: Callable[[StructuralProgram], None], offer: StructuralOffer, kind: str, form: str) -> bool:
    try:
        run(probe_of(offer, kind, form))
    except NotOffered:
        return False
    except Violation as violation:
        offer.broken[kind, form] = violation
        return False
    return True


def _is_like_plain(offer: StructuralOffer, kind: str, form: str) -> bool:
    """Return whether a plan fails as the plainest one for the same kind of layer does."""
    one, plain = (offer.broken.get((kind, name)) for name in (form, "plain"))
    return one is not None and plain is not None and one.kind == plain.kind


def _probe(kind: int, form: str) -> StructuralSkeleton:
    """Return the skeleton that tries out one kind of layer: attach and update."""
    first = Block(form=form if form in _BLOCKS else "plain", bias=True, norm=form == "norm")
    blocks = (first, Block(planned=False)) if form == "flatten" else (first,)
    return StructuralSkeleton(
        blocks=blocks, kind=kind, flat=int(form == "flatten"), window=True, steps=(Attach(), Update())
    )
