"""Fill a skeleton from what a sparsifier offers, by a fixed rule.

Numbers choose among what is offered modulo its count. Every pair of values that a set of skeletons covers is then
covered among the offered values too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from ..values.program import Program, ProgramLayer, Removal
from ..values.skeleton import Names, Skeleton, Slot
from ..values.steps import Cast, CopyModel, Finalize, Forward, SaveAndRestore, Step, Update
from .computing import in_computed_dtypes
from .offer import Offer, removal_of
from .targets import TARGETS, dimensions_of, layer_of

_NAMES: dict[Names, tuple[str, ...]] = {
    "plain": ("layer1", "layer2", "layer3", "layer4", "layer5"),
    "prefixes": ("layer1", "layer10", "layer100", "layer1000", "layer10000"),
    "nested": ("body.layer1", "layer1", "head.layer1", "layer2", "tail.layer1"),
    "attributes": ("weight", "mask", "bias", "original", "kept"),
}


@dataclass(frozen=True)
class Filled:
    """A filled slot.

    Attributes:
        slot: The slot.
        target: The name of the target.
        layer: The layer.
        removal: Its removal if it is planned.
    """

    slot: Slot
    target: str
    layer: ProgramLayer
    removal: Removal | None

    @property
    def pattern(self) -> str:
        """Return the capability that stands for its pattern; an empty string if it is not planned."""
        if self.removal is None:
            return ""
        others = {"channel": self.removal.dim != 0, "n_of_m": self.removal.keep != (2, 4)}
        special = {"channel": "input_channel", "n_of_m": "any_n_of_m"}
        pattern = self.removal.pattern
        return special[pattern] if others.get(pattern) else pattern


def fill(skeleton: Skeleton, offer: Offer) -> Program:
    """Return the program of a skeleton for one sparsifier.

    Args:
        skeleton: The skeleton.
        offer: What the sparsifier takes; at least one target.
    """
    filled = [*filled_slots(skeleton, offer)]
    layers = [*_layers(skeleton, filled, offer)]
    plan = tuple(one.removal for one in filled if one.removal is not None)
    if skeleton.missing and not layers[0].bias:
        plan = (*plan, Removal(name=f"{layers[0].name}.bias", pattern="unstructured"))
    together = skeleton.together and _ranks_together(offer, plan)
    program = Program(
        layers=tuple(layers), dtype=offer.dtypes[skeleton.dtype % len(offer.dtypes)],
        values=skeleton.values, memory=skeleton.memory, plan=plan, scope="all" if together else "each",
        optimizer=skeleton.optimizer, steps=tuple(supported_steps(skeleton.steps, offer)),
    )
    return in_computed_dtypes(program, offer.dtypes)


def filled_slots(skeleton: Skeleton, offer: Offer) -> Iterator[Filled]:
    """Yield every slot of a skeleton, filled for one sparsifier."""
    first: Removal | None = None
    for number, slot in enumerate(skeleton.slots):
        name = _NAMES[skeleton.names][number]
        one = _slot(slot, name, offer, number, first)
        first = first or one.removal
        yield one


def _slot(slot: Slot, name: str, offer: Offer, number: int, first: Removal | None) -> Filled:
    """Return a filled slot; without `per_parameter`, every parameter has the pattern of the first."""
    targets = _targets(offer, first)
    token = targets[slot.target % len(targets)]
    if number and TARGETS[token].kind == "embedding":  # it takes indices, so that only the first layer can be one
        token = targets[(slot.target + 1) % len(targets)]
    target, patterns = TARGETS[token], offer.patterns[token]
    pattern = patterns[slot.pattern % len(patterns)]
    made = removal_of(offer, f"{name}.{target.parameter}", pattern, slot.level)
    if first is not None and not offer.has("per_parameter"):
        made = replace(first, name=made.name)
    made = replace(made, order=slot.order) if made.pattern == "given" else made
    made = replace(made, dim=dimensions_of(target) - 1) if pattern == "input_channel" and slot.last else made
    layer = layer_of(target, name, slot.size, math.lcm(offer.declaration.contract.multiple, *edges(made, offer)))
    layer = replace(
        layer, bias=layer.bias or (slot.bias and target.kind not in ("embedding", "scale")),
        sequence=4 if slot.sequence and target.kind == "linear" else 0, frozen=slot.frozen, evaluates=slot.evaluates,
    )
    if made.pattern == "band" and min(layer.shapes[target.parameter]) <= made.width // 2:  # some refuse it, rightly
        made = replace(made, width=1)
    return Filled(slot, token, layer, made if slot.planned or first is None else None)


def _targets(offer: Offer, first: Removal | None) -> list[str]:
    """Return the targets for a slot, which share the pattern of the first slot if they must."""
    names = [*offer.patterns]
    if first is None or offer.has("per_parameter"):
        return names
    alike = [name for name in names if any(_is(first, one) for one in offer.patterns[name])]
    return alike or names


def _is(removal: Removal, capability: str) -> bool:
    if capability in ("input_channel", "channel"):
        return removal.pattern == "channel" and (removal.dim != 0) == (capability == "input_channel")
    return removal.pattern == capability.removeprefix("any_")


def edges(removal: Removal, offer: Offer) -> tuple[int, ...]:
    """Return the numbers of which the sizes of a parameter must be multiples for a removal to be defined."""
    if removal.pattern == "n_of_m":
        return (removal.keep[1],)
    return removal.block if removal.pattern == "block" and offer.declaration.contract.ragged == "refuse" else ()


def _ranks_together(offer: Offer, plan: tuple[Removal, ...]) -> bool:
    alike = {(one.pattern, one.level) for one in plan}
    return offer.has("scope_all") and len(alike) == 1 and plan[0].pattern == "unstructured"


def _layers(skeleton: Skeleton, filled: list[Filled], offer: Offer) -> Iterator[ProgramLayer]:
    for number, one in enumerate(filled):
        yield one.layer
        if number == 0 and skeleton.between != "nothing":
            features = 0 if skeleton.between == "relu" else one.layer.outputs or one.layer.inputs
            yield ProgramLayer(name="between", kind=skeleton.between, inputs=features)
    if skeleton.again and filled[0].layer.kind != "embedding" and offer.has("tied"):
        yield ProgramLayer(name="again", kind="again", of=filled[0].layer.name)


def supported_steps(steps: tuple[Step, ...], offer: Offer) -> Iterator[Step]:
    """Yield the steps, with one that is supported in place of each that is not."""
    updates = 0
    for step in steps:
        if isinstance(step, Update):
            step = step if offer.has("relevel") or step.level is None else replace(step, level=None, type="float")
            updates += 1
            yield step if updates == 1 or offer.has("reupdate") else Forward()
        elif isinstance(step, SaveAndRestore) and not offer.has("restore"):
            yield CopyModel(what="sparsified")
        elif isinstance(step, Cast) and step.dtype not in offer.dtypes:
            yield Cast(dtype=offer.dtypes[-1])
        elif not isinstance(step, Finalize) or offer.has("finalize"):
            yield step
