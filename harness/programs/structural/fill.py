"""Fill a structural skeleton from what a sparsifier offers, by a fixed rule."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from ...oracle.units import count_removed
from ...values.network import FACTOR
from ...values.program import Dtype, Removal
from ...values.steps import Cast, CopyModel, Finalize, Forward, SaveAndRestore, Step, Update
from ...values.structural_program import TRANSPOSED, WINDOWS, GraphLayer, StructuralProgram
from .network import EDGE, GROUPS
from .offer import IN_SEQUENCES, OF_SEQUENCES, TOGETHER, StructuralOffer
from .skeleton import Block, Form, Names, Size, StructuralSkeleton

WINDOW = 3
"""The edge length of a convolution's window; its padding keeps the edge length of the input."""

FEATURES, OUTPUTS = 4, 3
"""Input and output features or channels of a network."""

LENGTH = 3
"""The length of sequences."""

MOST_PIXELS = 8
"""The longest edge of an image that a pixel shuffle makes."""

_NAMES: dict[Names, tuple[str, ...]] = {
    "plain": ("layer1", "layer2", "layer3", "layer4", "layer5"),
    "prefixes": ("layer1", "layer10", "layer100", "layer1000", "layer10000"),
    "attributes": ("weight", "bias", "groups", "original", "kept"),
}
_SIZES: dict[Size, tuple[int, ...]] = {
    "two": (2, 3, 2, 3, 2), "small": (8, 6, 4, 12, 10), "prime": (7, 11, 5, 13, 7), "wide": (40, 24, 36, 28, 32),
}
_PARTS: dict[Size, int] = {"two": 2, "small": 8, "prime": 5, "wide": 10}
"""The parts of channels that go together, of which decimal levels remove a whole number."""

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
    together = offer.has("scope_all") and (skeleton.together or not offer.has("per_parameter"))
    graph = _Graph(skeleton, offer, kind, together=together)
    plan = tuple(_planned(graph, skeleton, offer, flat))
    if flat == len(skeleton.blocks):
        graph.flatten()
    graph.add("head", kind=graph.kind, outputs=OUTPUTS, bias=True)
    plan = plan if offer.has("per_parameter") else tuple(replace(one, level=plan[0].level) for one in plan)
    dtypes = offer.dtypes_for("lstm") if any(layer.kind == "lstm" for layer in graph.layers) else offer.dtypes
    return StructuralProgram(
        layers=tuple(graph.layers), input_shape=(*(LENGTH,) * graph.sequences, FEATURES, *(EDGE,) * WINDOWS[kind]),
        dtype=dtypes[skeleton.dtype % len(dtypes)], values=skeleton.values,
        plan=(*_in_order(plan, together), *_refused(skeleton, offer, plan)),
        scope="all" if together else "each", optimizer=skeleton.optimizer,
        steps=tuple(_supported(skeleton.steps, offer, dtypes)),
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
            layer = next(one for one in graph.layers if one.name == name)
            level = _possible(block.level, outputs, offer)
            if name in graph.parts:
                level = min(round(block.level * graph.parts[name]), graph.parts[name] - 1) / graph.parts[name]
            weight = "weight_ih_l0" if layer.kind == "lstm" else "weight"
            yield Removal(name=f"{name}.{weight}", pattern="channel", level=level)


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


def outputs_of(size: Size, number: int, offer: StructuralOffer, form: Form = "plain") -> int:
    """Return the number of output channels of a block, a multiple of what the contract demands."""
    multiple = offer.declaration.contract.multiple
    if form in TOGETHER:
        return math.lcm(TOGETHER[form], multiple) * _PARTS[size]
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
        together: Whether all planned weights are ranked together.
        parts: By name of a block of which some channels go together, the number of those parts.
    """

    skeleton: StructuralSkeleton
    offer: StructuralOffer
    kind: str
    layers: list[GraphLayer] = field(default_factory=list)
    last: str = "input"
    channels: int = FEATURES
    edge: int = EDGE
    together: bool = False
    parts: dict[str, int] = field(default_factory=dict)

    @property
    def sequences(self) -> bool:
        """Return whether the network takes sequences: if the first planned block needs them."""
        return form_of(self.skeleton.first, self.offer.patterns[kind_of(self.skeleton, self.offer)]) in OF_SEQUENCES

    def _form(self, block: Block) -> Form:
        """Return what depends on the channels of a block in this network."""
        form = form_of(block, self._forms)
        is_alone = not self.together or sum(one.planned for one in self.skeleton.blocks) <= 1
        is_common = self.offer.has("per_parameter") or not self.parts
        is_possible = form not in TOGETHER or (is_alone and is_common)
        is_possible &= form in IN_SEQUENCES if self.sequences else form not in OF_SEQUENCES
        return form if is_possible else "plain"

    def add(self, name: str, kind: str, takes: tuple[str, ...] = (), **fields: Any) -> str:
        """Add a layer that takes the last outputs, or those that are named, and return its name."""
        sizes: dict[str, Any] = {}
        if kind in _WEIGHTED or kind == "lstm":
            window = self.skeleton.window and _WEIGHTED.get(kind, 0) > 0 and name != "head"
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
        form = self._form(block)
        outputs = outputs_of(block.size, number, self.offer, form)
        if form in TOGETHER:
            self.parts[name] = _PARTS[block.size]
        source, inputs = self.last, self.channels
        if form == "concat":
            self.add(f"{name}_a", self.kind, outputs=FEATURES, bias=block.bias)
            self.channels = inputs
        bias = block.bias or (block.planned and self.skeleton.values in TIED)
        flags: dict[str, Any] = {"frozen": block.frozen, "evaluates": block.evaluates}
        kind = "lstm" if form == "units" else self.kind
        self.add(name, kind, (source,), outputs=outputs, bias=bias, **flags)
        if block.norm and "norm" in self._forms and not self.sequences:
            self.add(f"{name}_norm", "norm2d" if self.kind == "conv2d" else "norm", inputs=outputs, **flags)
        if block.relu:
            self.add(f"{name}_relu", "relu")
        if form == "heads":
            self._attend(name, outputs, source, inputs)
        self._follow(form, name, outputs)
        return name, outputs

    @property
    def _forms(self) -> tuple[str, ...]:
        return self.offer.patterns.get(self.kind, ())

    def _follow(self, form: str, name: str, outputs: int) -> None:
        """Add what depends on the channels of a block's first layer."""
        if form in ("skip", "fanout", "concat", "lstm"):
            self._branch(form, name, outputs)
        elif form in ("view", "pool", "shuffle", "unshuffle"):
            self._reshape(form, name, outputs)
        elif form in ("depthwise", "grouped"):
            groups = outputs if form == "depthwise" else GROUPS
            self.add(f"{name}_b", self.kind, outputs=outputs, groups=groups, bias=True)
        elif form == "transposed":
            self.add(f"{name}_b", f"transposed{WINDOWS[self.kind]}d", outputs=outputs, bias=True)
        elif form in ("layernorm", "groupnorm"):
            self.add(f"{name}_b", form, inputs=outputs, groups=GROUPS if form == "groupnorm" else 1)

    def _branch(self, form: str, name: str, outputs: int) -> None:
        """Add layers of which two take the last outputs."""
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
        else:
            self.add(f"{name}_b", "lstm", outputs=FEATURES, bias=True)
            self.add(f"{name}_joined", "concat", (end, f"{name}_b"))
            self.channels = outputs + FEATURES

    def _reshape(self, form: str, name: str, outputs: int) -> None:
        """Add what makes channels of features or of pixels, or pixels of channels."""
        if form == "view":
            self.add(f"{name}_view", "view")
            self.channels = outputs // TOGETHER[form]
            self.add(f"{name}_b", "conv2d", outputs=FEATURES, bias=True)
            self.add(f"{name}_flat", "flatten")
            self.channels = FEATURES * FACTOR**2
        elif form == "pool" and self.edge > 1:
            self.add(f"{name}_pool", f"pool{WINDOWS[self.kind]}d")
            self.edge //= 2
        elif form == "shuffle" and self.edge < MOST_PIXELS:
            self.add(f"{name}_shuffle", "shuffle")
            self.channels, self.edge = outputs // FACTOR**2, FACTOR * self.edge
        elif form == "unshuffle" and self.edge > 1:
            self.add(f"{name}_unshuffle", "unshuffle")
            self.channels, self.edge = outputs * FACTOR**2, self.edge // FACTOR

    def _attend(self, name: str, outputs: int, source: str, inputs: int) -> None:
        """Add attention with the last layer's outputs as values, and what it adds to the outputs of `source`."""
        values = self.last
        for part in "qk":
            self.channels = inputs
            self.add(f"{name}_{part}", self.kind, (source,), outputs=outputs)
        self.add(f"{name}_heads", "heads", (f"{name}_q", f"{name}_k", values))
        self.add(f"{name}_o", self.kind, outputs=inputs, bias=True)
        self.add(f"{name}_sum", "add", (source, f"{name}_o"))


# ----------------------------------------------------------------- steps


def _supported(steps: tuple[Step, ...], offer: StructuralOffer, dtypes: tuple[Dtype, ...]) -> Iterator[Step]:
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
        elif isinstance(step, Cast) and step.dtype not in dtypes:
            yield Cast(dtype=dtypes[0])
        elif not isinstance(step, Finalize) or offer.has("finalize"):
            yield step
