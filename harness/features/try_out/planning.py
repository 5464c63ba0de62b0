"""The plan for a user's own model: from a plan file, or every parameter that has a weight's shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from msgspec import Struct
from torch import nn

from ... import reading
from ...errors import BadUsage, NotJudged
from ...oracle.compare import array
from ...values.declaration import Declaration
from ...values.pattern import Band, Block, Channel, Given, InvalidPattern, NofM, Pattern, Unstructured
from ...values.plan import Scope
from .own_model import OwnModel

PatternName = Literal["unstructured", "n_of_m", "block", "channel", "input_channel", "band", "given"]

PATTERNS: tuple[PatternName, ...] = get_args(PatternName)
"""The patterns, in the order in which the first one that a sparsifier supports is chosen."""

_HINT = 'Write lines such as "encoder.*.weight" = { pattern = "unstructured", level = 0.5 } below [plan].'


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    """The pattern that is wanted for a parameter.

    Attributes:
        pattern: The kind of pattern.
        level: The fraction to remove, where the pattern has a level.
        block: The rows and columns of a block.
        keep: The N and M of N:M.
        width: The width of a band.
    """

    pattern: PatternName = "unstructured"
    level: float = 0.5
    block: tuple[int, int] = (1, 4)
    keep: tuple[int, int] = (2, 4)
    width: int = 3

    def made(self, parameter: nn.Parameter) -> Pattern:
        """Return the pattern for a parameter; a given mask keeps the larger magnitudes."""
        if self.pattern == "given":
            size = np.abs(array(parameter))
            return Given(size >= np.quantile(size, self.level))
        made: dict[PatternName, Pattern] = {
            "unstructured": Unstructured(self.level), "n_of_m": NofM(*self.keep), "band": Band(self.width),
            "block": Block(self.block, self.level), "channel": Channel(self.level),
            "input_channel": Channel(self.level, dim=1),
        }
        return made[self.pattern]


class PlanFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a plan file.

    Attributes:
        plan: By a pattern of names, as in a shell, what is wanted; the first that fits a name counts.
        scope: Whether a level counts over each parameter, or over all.
    """

    plan: dict[str, Wanted]
    scope: Scope = "each"


@dataclass(frozen=True)
class Layer:
    """A parameter that is planned.

    Attributes:
        name: Its name.
        kind: The class of the module that holds it.
        pattern: What is to be removed.
        parameter: The parameter of the dense model.
    """

    name: str
    kind: str
    pattern: Pattern
    parameter: nn.Parameter


def read_plan(file: Path) -> PlanFile:
    """Return the plan in a TOML file.

    Raises:
        BadUsage: It cannot be read, or is no plan.
    """
    try:
        content = reading.convert(reading.parse_toml(reading.read_text(file)), PlanFile)
        for one in content.plan.values():
            one.made(nn.Parameter(torch.zeros(8, 8)))
    except (reading.CannotRead, InvalidPattern) as error:
        raise BadUsage(f"{file} is no plan: {error}", _HINT) from None
    return content


def default_plan(declaration: Declaration, level: float) -> PlanFile:
    """Return a plan for every weight: with the first pattern that the sparsifier supports.

    Raises:
        NotJudged: It supports none.
    """
    capabilities = declaration.capabilities
    for name in PATTERNS:
        if name in capabilities.supported:
            column = capabilities.has_block(4, 1) and not capabilities.has_block(1, 4)
            return PlanFile({"*": Wanted(name, level, (4, 1) if column else (1, 4))})
    raise NotJudged(f"{declaration.sparsifier} supports no pattern that a plan can ask for")


def layers_of(own: OwnModel, content: PlanFile) -> Iterator[Layer]:
    """Yield the planned parameters of a model: those of the plan that have two dimensions or are named in full.

    Raises:
        BadUsage: A line of the plan fits no parameter.
    """
    unused = set(content.plan)
    for name, parameter in own.model.named_parameters():
        if not parameter.is_floating_point():
            continue
        shown = name.removeprefix(own.prefix)
        for glob, wanted in content.plan.items():
            if shown == glob or (fnmatchcase(shown, glob) and parameter.dim() > 1):
                unused.discard(glob)
                holder = own.model.get_submodule(name.rpartition(".")[0])
                yield Layer(name, type(holder).__name__, wanted.made(parameter), parameter)
                break
    if unused:
        raise BadUsage(f"the plan's {sorted(unused)[0]!r} fits no weight of the model", "See its named_parameters().")
