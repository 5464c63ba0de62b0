"""Fill a structural skeleton from what a sparsifier offers, by a fixed rule."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from ...oracle.units import count_removed
from ...values.program import Removal
from ...values.steps import Cast, CopyModel, Finalize, Forward, SaveAndRestore, Step, Update
from ...values.structural_program import TRANSPOSED, WINDOWS, GraphLayer, StructuralProgram
from .network import EDGE, GROUPS
from .offer import StructuralOffer
from .skeleton import Block, Form, Names, Size, StructuralSkeleton

WINDOW = 3
"""The edge length of a convolution's window; its padding keeps the edge length of the input."""

FEATURES, OUTPUTS = 4, 3
"""Input and output features or channels of a network."""

_NAMES: dict[Names, tuple[str, ...]] = {
    "plain": ("layer1", "layer2", "layer3", "layer4", "layer5"),
    "prefixes": ("layer1", "layer10", "layer100", "layer1000", "layer10000"),
    "attributes": ("weight", "bias", "groups", "original", "kept"),
}
_SIZES: dict[Size, tuple[int, ...]] = {
    "two": (2, 3, 2, 3, 2), "small": (8, 6, 4, 12, 10), "prime": (7, 11, 5, 13, 7), "wide": (40, 24, 36, 28, 32),
}
_WEIGHTED = {**WINDOWS, **TRANSPOSED}

TIED = ("few", "equal", "zeros", "subnormal")
"""Kinds of values with which rows may be equal, so that only a bias says which channel is which."""


def fill(skeleton: StructuralSkeleton, offer: StructuralOffer) -> StructuralProgram:
    """Return the program of a skeleton for one sparsifier.

    Args:
        skeleton: The skeleton.
        offer: What the sparsifier takes; at least one kind of layer.
    """
    kind = kind_of(skeleton, offer)
    flat = min(skeleton.flat, len(skeleton.blocks)) if "flatten" in offer.patterns[kind] else 0
    graph = _Graph(skeleton, offer, kind)
    plan = tuple(_planned(graph, skeleton, offer, flat))
    if flat == len(skeleton.blocks):
        graph.flatten()
    graph.add("head", kind=graph.kind, outputs=OUTPUTS, bias=True)
    together = offer.has("scope_all") and (skeleton.together or not offer.has("per_parameter"))
    plan = plan if offer.has("per_parameter") else tuple(replace(one, level=plan[0].level) for one in plan)
    return StructuralProgram(
        layers=tuple(graph.layers), input_shape=(FEATURES, *(EDGE,) * WINDOWS[kind]),
        dtype=offer.dtypes[skeleton.dtype % len(offer.dtypes)], values=skeleton.values,
        plan=(*_in_order(plan, together), *_refused(skeleton, offer, plan)),
        scope="all" if together else "each", optimizer=skeleton.optimizer,
        steps=tuple(_supported(skeleton.steps, offer)),
    )


def kind_of(skeleton: StructuralSkeleton, offer: StructuralOffer) -> str:
    """Return the kind of the first layers: number 0 stands for linear ones, the others for convolutions."""
    convolutions = [one for one in offer.patterns if WINDOWS[one]]
    if "linear" not in offer.patterns:
        return convolutions[skeleton.kind % len(convolutions)]
    return convolutions[(skeleton.kind - 1) % len(convolutions)] if skeleton.kind and convolutions else "linear"


def _planned(graph: _Graph, skeleton: StructuralSkeleton, offer: StructuralOffer, flat: int) -> Iterator[Removal]:
    """Add all blocks to a graph, and yield what the plan removes; the first block is planned if no other one is."""
    none = not any(block.planned for block in skeleton.blocks)
    for number, block in enumerate(skeleton.blocks):
        if flat and number == flat:
            graph.flatten()
        name, outputs = graph.block(number, block)
        if block.planned or (none and not number):
            yield Removal(name=f"{name}.weight", pattern="channel", level=_possible(block.level, outputs, offer))


def _possible(level: float, outputs: int, offer: StructuralOffer) -> float:
    """Return the level, or another one if it would remove every channel."""
    rounding = offer.declaration.contract.rounding
    return level if count_removed(level, outputs, rounding) < outputs else 0.5


def _in_order(plan: tuple[Removal, ...], together: bool) -> tuple[Removal, ...]:
    """Return the plan with one level, if all is ranked together."""
    return tuple(replace(one, level=plan[0].level) for one in plan) if together else plan


def _refused(
    skeleton: StructuralSkeleton, offer: StructuralOffer, plan: tuple[Removal, ...]
) -> Iterator[Removal]:
    """Yield what must be refused, and is planned besides."""
    if skeleton.refused == "missing":
        yield Removal(name="nothing.weight", pattern="channel", level=plan[0].level)
    elif skeleton.refused == "input_channel" and not offer.has("input_channel"):
        yield Removal(name="head.weight", pattern="channel", level=plan[0].level, dim=1)
    elif skeleton.refused == "unstructured" and not offer.has("unstructured"):
        yield Removal(name="head.weight", pattern="unstructured", level=plan[0].level)


def form_of(block: Block, taken: tuple[str, ...]) -> Form:
    """Return what depends on the channels of a block: what its skeleton says, if the sparsifier takes that."""
    return block.form if block.form in taken else "plain"


def outputs_of(size: Size, number: int, offer: StructuralOffer) -> int:
    """Return the number of output channels of a block, a multiple of what the contract demands."""
    multiple = offer.declaration.contract.multiple
    return multiple * math.ceil(_SIZES[size][number] / multiple)


@dataclass
class _Graph:
    """The layers of a network, as they are added.

    Attributes:
        skeleton: The skeleton.
        offer: What the sparsifier takes.
        kind: The kind of the layers with weights that are added now.
        layers: The layers so far.
        last: The layer whose outputs the next one takes.
        channels: The number of its output channels or features.
        edge: The edge length of its output.
    """

    skeleton: StructuralSkeleton
    offer: StructuralOffer
    kind: str
    layers: list[GraphLayer] = field(default_factory=list)
    last: str = "input"
    channels: int = FEATURES
    edge: int = EDGE

    def add(self, name: str, kind: str, takes: tuple[str, ...] = (), **fields: Any) -> str:
        """Add a layer that takes the last outputs, or those that are named, and return its name."""
        sizes: dict[str, Any] = {}
        if kind in _WEIGHTED:
            window = self.skeleton.window and _WEIGHTED[kind] > 0 and name != "head"
            kernel = WINDOW if window else 1
            sizes = {"inputs": self.channels, "kernel": kernel, "padding": kernel // 2}
        taken = takes or (self.last,)
        direct = taken == ((self.layers[-1].name if self.layers else "input"),)
        made = {**sizes, **fields, "name": name, "kind": kind, "takes": () if direct else taken}
        self.layers.append(GraphLayer(**made))
        self.last, self.channels = name, made.get("outputs", self.channels)
        return name

    def flatten(self) -> None:
        """Make features of channels; the layers after it are linear."""
        self.channels *= self.edge ** WINDOWS[self.kind]
        self.add("flatten", "flatten")
        self.kind = "linear"

    def block(self, number: int, block: Block) -> tuple[str, int]:
        """Add a block, and return the name of its first layer, and how many outputs that has."""
        name = _NAMES[self.skeleton.names][number]
        form = form_of(block, self._forms)
        outputs = outputs_of(block.size, number, self.offer)
        source, inputs = self.last, self.channels
        if form == "concat":
            self.add(f"{name}_a", self.kind, outputs=FEATURES, bias=block.bias)
            self.channels = inputs
        bias = block.bias or (block.planned and self.skeleton.values in TIED)
        flags: dict[str, Any] = {"frozen": block.frozen, "evaluates": block.evaluates}
        self.add(name, self.kind, (source,), outputs=outputs, bias=bias, **flags)
        if block.norm and "norm" in self._forms:
            self.add(f"{name}_norm", "norm2d" if self.kind == "conv2d" else "norm", inputs=outputs, **flags)
        if block.relu:
            self.add(f"{name}_relu", "relu")
        self._follow(form, name, outputs)
        return name, outputs

    @property
    def _forms(self) -> tuple[str, ...]:
        return self.offer.patterns.get(self.kind, ())

    def _follow(self, form: str, name: str, outputs: int) -> None:
        """Add what depends on the channels of a block's first layer."""
        end = self.last
        if form == "skip":
            self.add(f"{name}_b", self.kind, outputs=outputs)
            self.add(f"{name}_sum", "add", (f"{name}_b", end))
        elif form == "fanout":
            self.add(f"{name}_b", self.kind, outputs=FEATURES, bias=True)
            self.channels = outputs
            self.add(f"{name}_c", self.kind, (end,), outputs=FEATURES)
            self.add(f"{name}_sum", "add", (f"{name}_b", f"{name}_c"))
        elif form == "concat":
            self.add(f"{name}_joined", "concat", (f"{name}_a", end))
            self.channels = FEATURES + outputs
        elif form == "depthwise":
            self.add(f"{name}_b", self.kind, outputs=outputs, groups=outputs, bias=True)
        elif form == "grouped":
            self.add(f"{name}_b", self.kind, outputs=outputs, groups=GROUPS, bias=True)
        elif form == "transposed":
            self.add(f"{name}_b", f"transposed{WINDOWS[self.kind]}d", outputs=outputs, bias=True)
        elif form in ("layernorm", "groupnorm"):
            self.add(f"{name}_b", form, inputs=outputs, groups=GROUPS if form == "groupnorm" else 1)
        elif form == "pool" and self.edge > 1:
            self.add(f"{name}_pool", f"pool{WINDOWS[self.kind]}d")
            self.edge //= 2


# ----------------------------------------------------------------- steps


def _supported(steps: tuple[Step, ...], offer: StructuralOffer) -> Iterator[Step]:
    """Yield the steps; one that is not supported is replaced."""
    updated = False
    for step in steps:
        if isinstance(step, Update):
            if updated and not offer.has("reupdate"):
                yield Forward()
                continue
            updated = True
            yield step if offer.has("relevel") else replace(step, level=None, type="float")
        elif isinstance(step, SaveAndRestore) and not offer.has("restore"):
            yield CopyModel()
        elif isinstance(step, Cast) and step.dtype not in offer.dtypes:
            yield Cast(dtype=offer.dtypes[0])
        elif not isinstance(step, Finalize) or offer.has("finalize"):
            yield step
