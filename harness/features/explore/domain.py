"""What a search draws from, by profile: how an offer is probed, and how programs are drawn, filled and simplified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis.strategies import SearchStrategy

from ...programs import offer as mask_offer
from ...programs.offer import Offer
from ...programs.structural import fill as structural_fill
from ...programs.structural import probing
from ...programs.structural.offer import StructuralOffer
from ...values.declaration import Declaration
from ...values.program_json import AnyProgram
from ...values.requirement import Profile
from . import drawn, strategies, structural_strategies

AnyOffer = Offer | StructuralOffer


@dataclass(frozen=True)
class Domain:
    """The programs of one profile. Offers and draws are of the profile's own types.

    Attributes:
        probed: Returns what a sparsifier takes, from its declaration and a function that runs a program.
        strategy: Returns the strategy for draws, from an offer.
        fill: Returns the program of a draw for an offer.
        simpler: Yields draws that differ from one in one thing, and are simpler.
    """

    probed: Callable[[Declaration, Callable[[Any], None]], AnyOffer]
    strategy: Callable[[Any], SearchStrategy[Any]]
    fill: Callable[[Any, Any], AnyProgram]
    simpler: Callable[[Any], Iterator[Any]]


DOMAINS: dict[Profile, Domain] = {
    "mask": Domain(mask_offer.probed, strategies.draws, drawn.made, drawn.simpler),
    "structural": Domain(
        probing.probed, structural_strategies.programs, structural_fill.fill, structural_strategies.simpler
    ),
}
"""By profile, what a search draws from."""
