"""The coverage of the structural corpus for one sparsifier: the pairs that are possible with what it offers."""

from __future__ import annotations

from typing import cast

from ...oracle.units import count_removed
from ...values.steps import Attach
from ...values.structural_program import WINDOWS, StructuralProgram
from ..coverage import Pair
from ..offered import Covered, axis_of, pairs_added
from ..space import THEN, Value
from .axes import STRUCTURAL
from .fill import TIED, fill, form_of, outputs_of
from .offer import OF_SEQUENCES, TOGETHER, StructuralOffer
from .skeleton import Size, StructuralSkeleton


def new_pairs(skeletons: dict[str, StructuralSkeleton], offer: StructuralOffer) -> tuple[dict[str, int], int]:
    """Return the number of pairs that each program adds to those of earlier ones, and the number that is possible."""
    return pairs_added(skeletons, lambda one: _covered(one, offer), lambda pair: _is_possible(pair, offer))


def _covered(skeleton: StructuralSkeleton, offer: StructuralOffer) -> Covered:
    """Return what a filled skeleton covers; the values of a block are the first planned block's."""
    program = fill(skeleton, offer)
    row = sorted(_values(skeleton, program, offer).items(), key=axis_of)
    return Covered([row], tuple(STRUCTURAL.kind_of(step) for step in program.steps))


def _values(skeleton: StructuralSkeleton, program: StructuralProgram, offer: StructuralOffer) -> dict[str, Value]:
    attach = next(step for step in program.steps if isinstance(step, Attach))
    first, layers = skeleton.first, {layer.name: layer for layer in program.layers}
    name = program.plan[0].name.rpartition(".")[0]
    kind = "linear" if layers[name].kind == "lstm" else layers[name].kind
    form = form_of(first, offer.patterns[kind])
    return {
        "kind": kind, "form": form, "level": first.level if form in TOGETHER else program.plan[0].level,
        "values": program.values, "size": first.size, "planned": sum(block.planned for block in skeleton.blocks),
        "dtype": program.dtype, "names": skeleton.names, "default_dtype": attach.default_dtype,
        "optimizer": program.optimizer, "flat": "flatten" in layers, "window": layers[name].kernel > 1,
        "scope": program.scope, "bias": layers[name].bias, "norm": f"{name}_norm" in layers, "relu": first.relu,
        "frozen": first.frozen, "evaluates": first.evaluates,
        "unplanned": not all(block.planned for block in skeleton.blocks),
    }


def _is_possible(pair: Pair, offer: StructuralOffer) -> bool:
    """Return whether two values can occur together; see the constraints in `axes`.

    Values that are on no axis, such as those of a program that was found, count for nothing.
    """
    at: dict[str, Value] = dict(pair)
    if at.get("values", "distinct") not in STRUCTURAL.axes["values"]:
        return False
    if THEN in at:
        return STRUCTURAL.may_follow(*(str(its) for _, its in pair))
    if "level" in at and "size" in at and not _leaves_some(float(at["level"]), cast("Size", at["size"]), offer):
        return False
    if at.get("values") in TIED and at.get("bias") is False:
        return False
    if (at.get("form") in OF_SEQUENCES and at.get("norm")) or (at.get("form") in TOGETHER and at.get("scope") == "all"):
        return False
    return _has(at, offer) and (at.get("planned"), at.get("unplanned")) != (3, True)


def _leaves_some(level: float, size: Size, offer: StructuralOffer) -> bool:
    outputs = outputs_of(size, 0, offer)
    return count_removed(level, outputs, offer.declaration.contract.rounding) < outputs


def _has(at: dict[str, Value], offer: StructuralOffer) -> bool:
    """Return whether a kind of layer has what is to follow it; of other values, whether some kind has."""
    kinds = [str(at["kind"])] if "kind" in at else [*offer.patterns]
    needed = [str(at["form"])] if "form" in at else []
    needed += [form for form, axis in (("norm", "norm"), ("flatten", "flat")) if at.get(axis)]
    return any(
        all(one in offer.patterns[kind] for one in needed) and (not at.get("window") or WINDOWS[kind] > 0)
        for kind in kinds
    )
