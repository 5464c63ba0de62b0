"""Skeletons: programs without a pattern, a layer and a dtype, which are filled in from what a sparsifier offers."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from .program import Memory, OptimizerKind, Values
from .steps import Step

Size = Literal["small", "one", "two", "prime", "narrow", "wide", "large"]
"""Of a layer: small even numbers; one or two features; primes; one output; more than 256 channels; more than 65,536
entries."""

Names = Literal["plain", "prefixes", "nested", "attributes"]
Between = Literal["nothing", "relu", "norm", "batchnorm"]


class Slot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The place of one layer.

    Attributes:
        target: A number that chooses among the offered targets.
        pattern: A number that chooses among the patterns that are offered for the target.
        size: The size of the layer.
        level: The level of the pattern, if it has one.
        bias: Whether the layer has a bias.
        sequence: Whether a linear layer takes an input of three dimensions.
        planned: Whether the layer is in the plan.
        order: The memory order of a given mask.
        last: Whether channels other than the outputs are those of the last dimension instead of the inputs.
        frozen: Whether the layer's parameters have `requires_grad=False` from the start.
        evaluates: Whether the layer is in eval mode from the start.
    """

    target: int = 0
    pattern: int = 0
    size: Size = "small"
    level: float = 0.5
    bias: bool = False
    sequence: bool = False
    planned: bool = True
    order: Literal["C", "F"] = "C"
    last: bool = False
    frozen: bool = False
    evaluates: bool = False


class Skeleton(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A program without the parts that depend on what a sparsifier offers.

    Attributes:
        slots: The layers; at least one is planned.
        dtype: A number that chooses among the supported dtypes.
        values: The kind of values of the planned parameters.
        memory: How weights lie in memory.
        together: Whether all planned parameters are ranked together, if that is supported.
        optimizer: The optimizer.
        names: The names of the modules.
        between: The layer between the first and the second.
        again: Whether the first module runs once more at the end.
        missing: Whether the plan names a bias that the first layer has not, so that it must be refused.
        steps: The steps.
    """

    slots: tuple[Slot, ...]
    dtype: int = 0
    values: Values = "distinct"
    memory: Memory = "contiguous"
    together: bool = False
    optimizer: OptimizerKind = "sgd"
    names: Names = "plain"
    between: Between = "nothing"
    again: bool = False
    missing: bool = False
    steps: tuple[Step, ...]
