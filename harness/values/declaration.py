"""Who a sparsifier is and what it says of itself: all that the ledger needs to know."""

from __future__ import annotations

from msgspec import Struct

from .capability import Capabilities
from .contract import Contract
from .requirement import Profile

FIRST_STATED = 3
"""The catalogue version that an adapter is taken to be written for if it does not state one: the last version before
adapters could state it."""


class Declaration(Struct, frozen=True):
    """What an adapter declares, without the adapter.

    sparsifier: the name it is registered under.
    distribution, version: as package metadata know them.
    supposed: in a probe, what was left undeclared; it stands among the supported capabilities, too.
    catalogue: The catalogue version that the adapter was written for. Capabilities introduced later are not yet
        declared, and requirements introduced later are provisional.
    """

    sparsifier: str
    distribution: str
    version: str
    homepage: str
    tracker: str
    profile: Profile
    capabilities: Capabilities
    contract: Contract
    supposed: tuple[str, ...] = ()
    catalogue: int = FIRST_STATED


class Environment(Struct, frozen=True):
    """Where a run takes place.

    devices: torch device types that work here, `cpu` first.
    accelerator, driver, capability: the name of the accelerator hardware, the version of its driver and what it can
        do, as far as it says; empty where there is none.
    offers: what the accelerator has beyond computing, of `graphs` and `peak memory`.
    """

    torch: str
    numpy: str
    python: str
    platform: str
    devices: tuple[str, ...]
    accelerator: str = ""
    driver: str = ""
    capability: str = ""
    offers: tuple[str, ...] = ()
