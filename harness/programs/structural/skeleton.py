"""Skeletons of structural programs: blocks of layers whose kind is a number, filled from what a sparsifier offers."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ...values.program import OptimizerKind, Values
from ...values.steps import Step

Form = Literal[
    "plain", "skip", "fanout", "concat", "depthwise", "transposed", "pool", "layernorm", "groupnorm", "grouped",
    "unshuffle", "shuffle", "view", "heads", "lstm", "units",
]
Size = Literal["two", "small", "prime", "wide"]
Names = Literal["plain", "prefixes", "attributes"]
Refused = Literal["", "missing", "input_channel", "unstructured"]


class Block(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One layer that a plan can name, and the layers around it.

    Attributes:
        form: What depends on its channels besides the next layer. `skip`: a second layer, whose outputs are added to
            them. `fanout`: two layers, whose outputs are added. `concat`: they follow those of another layer.
            `depthwise`: a convolution with a group for each of them. `transposed`: a transposed convolution. `pool`:
            average pooling. `layernorm`, `groupnorm`: a norm over them. `grouped`: a convolution with two groups.
            `unshuffle`, `shuffle`: pixels become channels, or channels pixels. `view`: a view makes channels of
            features, for a convolution. `heads`: they are the values of attention, with queries and keys beside them,
            and an outer layer whose outputs are added to what the block takes. `lstm`: an LSTM, whose outputs follow
            them. `units`: the layer is an LSTM itself.
        size: The number of its output channels.
        level: The fraction of them that the plan removes.
        planned: Whether the plan names it.
        bias: Whether it has a bias.
        norm: Whether a batch norm follows.
        relu: Whether a ReLU follows.
        frozen: Whether its parameters have `requires_grad=False` from the start.
        evaluates: Whether it is in eval mode from the start.
    """

    form: Form = "plain"
    size: Size = "small"
    level: float = 0.5
    planned: bool = True
    bias: bool = False
    norm: bool = False
    relu: bool = False
    frozen: bool = False
    evaluates: bool = False


class StructuralSkeleton(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A structural program without the parts that depend on what a sparsifier offers.

    Attributes:
        blocks: The blocks, before a last layer that is not planned; at least one is planned.
        kind: A number that chooses the kind of layer among those that are offered.
        flat: After how many blocks a flatten layer makes features of channels, if that is offered; 0 for never.
        window: Whether convolutions have a window of more than one entry.
        dtype: A number that chooses among the supported dtypes.
        values: The kind of values of the planned weights.
        together: Whether all planned weights are ranked together, if that is supported.
        optimizer: The optimizer.
        names: The names of the modules.
        refused: What the plan also names so that it must be refused: a layer that is missing, or another pattern.
        steps: The steps.
    """

    blocks: tuple[Block, ...]
    kind: int = 0
    flat: int = 0
    window: bool = False
    dtype: int = 0
    values: Values = "distinct"
    together: bool = False
    optimizer: OptimizerKind = "sgd"
    names: Names = "plain"
    refused: Refused = ""
    steps: tuple[Step, ...]

    @property
    def first(self) -> Block:
        """Return the first planned block; without one, the first block is planned."""
        return next((block for block in self.blocks if block.planned), self.blocks[0])
