"""An adapter's declaration and the environment of a run: all that a ledger is planned from."""

from __future__ import annotations

from msgspec import Struct

from .capability import Capabilities
from .contract import Contract
from .requirement import Profile

FIRST_STATED = 3
"""The catalogue version assumed for an adapter that states none: the last one before adapters could state it."""


class Declaration(Struct, frozen=True):
    """The declaration of an adapter, as a value without the adapter.

    Attributes:
        sparsifier: The name under which the adapter is registered.
        distribution: The distribution that the sparsifier belongs to, by its metadata; empty if it is an adapter file
            alone.
        version: The version of that distribution; empty if there is none.
        homepage: The URL of the package.
        tracker: The URL of its issue tracker.
        profile: The kind of sparsifier, which decides the areas that are planned.
        capabilities: The supported and unsupported capabilities.
        contract: The declared contract.
        supposed: In a probe, the undeclared capabilities. They are also listed as supported in `capabilities`.
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

    @property
    def package(self) -> str:
        """Return the distribution and its version, for display."""
        return f"{self.distribution} {self.version}" if self.distribution else "no distribution"


class Environment(Struct, frozen=True):
    """The environment of a run.

    Attributes:
        torch: The version of torch.
        numpy: The version of NumPy.
        python: The version of Python.
        platform: `sys.platform`.
        devices: The torch device types that work on this machine, `cpu` first.
        accelerator: The name of the accelerator; empty if there is none.
        driver: The version of its driver; empty if unknown.
        capability: Its compute capability; empty if unknown.
        offers: Abilities of the accelerator beyond computing: `graphs`, `peak memory`.
        digits: The version of scikit-learn, on whose images of digits real networks are trained; empty if it is not
            installed.
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
    digits: str = ""
