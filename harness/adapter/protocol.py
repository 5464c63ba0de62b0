"""The protocol: all that the harness ever talks to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..values.capability import declare
from ..values.contract import Contract
from ..values.declaration import FIRST_STATED, Declaration
from ..values.pattern import Band, Block, Channel, Given, NofM, Pattern, Unstructured
from ..values.plan import Plan
from ..values.requirement import Profile

Batch = tuple[Tensor, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]

_CAPABILITY_OF: dict[type[Pattern], str] = {
    Given: "given", Unstructured: "unstructured", Block: "block", NofM: "n_of_m", Channel: "channel", Band: "band",
}


def _capability(pattern: Pattern) -> str:
    if isinstance(pattern, NofM) and (pattern.n, pattern.m) != (2, 4):
        return "any_n_of_m"
    if isinstance(pattern, Channel) and pattern.dim != 0:
        return "input_channel"
    return _CAPABILITY_OF[type(pattern)]


def _words(pattern: Pattern) -> str:
    if isinstance(pattern, Channel):
        return f"Channel along dim={pattern.dim}"
    return f"{pattern.n}:{pattern.m} by NofM" if isinstance(pattern, NofM) else type(pattern).__name__


def _refuse_tied(model: nn.Module, plan: Plan) -> None:
    held = dict(model.named_parameters(remove_duplicate=False))
    for name in plan.names:
        places = [other for other, parameter in held.items() if parameter is held.get(name)]
        if len(places) > 1:
            raise Refusal(f"one parameter is tied, shared as {', '.join(places)}: {name} is not sparsified alone")


@dataclass(frozen=True)
class Context:
    """What a sparsifier may need beyond model and plan.

    example_input: one batch that the model takes.
    batches: calibration batches (input, target).
    device, dtype: of the model's parameters.
    """

    example_input: Tensor
    batches: tuple[Batch, ...]
    device: torch.device
    dtype: torch.dtype


@dataclass(frozen=True)
class Saved:
    """What is saved of a run. model: the sparse model's state dict. sidecar: what the sparsifier keeps
    apart from it; whatever torch.save takes."""

    model: dict[str, Any]
    sidecar: Any = field(default_factory=dict)


class Refusal(Exception):
    """Raised by an adapter for what its package has no way to be asked; told apart from the package's own."""


class Sparsified(ABC):
    """One sparsifier at work on one model.

    model: the model to run now; may be a wrapper around the one that was attached to.
    recompute: what `update` calls, with the new level or None; a subclass may define `update` instead.
    """

    model: nn.Module

    def __init__(
        self, model: nn.Module, plan: Plan, recompute: Callable[[float | None], object] | None = None
    ) -> None:
        self.model = model
        self.plan = plan
        self._recompute = recompute

    def update(self, level: float | None = None) -> None:
        """Recompute masks from what the model holds now; at the plan's levels, or all at `level`.

        Raises:
            TypeError: there is no way to: neither `recompute` was given nor `update` defined.
        """
        if self._recompute is None:
            raise TypeError(f"{type(self).__name__} has no way to update: give it `recompute` or define `update`")
        self._recompute(level)

    @abstractmethod
    def masks(self) -> dict[str, Tensor]:
        """One boolean tensor a planned parameter, True = kept, of its shape and on its device, under
        the dense model's fully qualified names; empty for the structural profile."""

    @abstractmethod
    def finalize(self) -> nn.Module:
        """The plain model that a user deploys."""

    def train(self, batches: Iterable[Batch], loss: Loss, optimizer: torch.optim.Optimizer) -> None:
        """One optimizer step a batch, in the usual order; overridden by those that own the loop."""
        for inputs, target in batches:
            optimizer.zero_grad()
            loss(self.model(inputs), target).backward()
            self.step(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """One optimizer step; overridden by those that must mend the weights after it."""
        optimizer.step()

    def save(self) -> Saved:
        """The model's state dict and the sidecar, as a user of the package would save them."""
        return Saved(self.model.state_dict(), self.sidecar())

    def sidecar(self) -> Any:
        """What the sparsifier keeps apart from the model's state dict; nothing by default."""
        return {}

    def load(self, saved: Saved) -> None:
        """Take up what was saved, in a model attached anew."""
        self.model.load_state_dict(saved.model)
        self.load_sidecar(saved.sidecar)

    def load_sidecar(self, sidecar: Any) -> None:  # noqa: B027  # most keep no sidecar
        """Take up what `sidecar` gave; nothing by default."""


class Adapter(ABC):
    """What a sparsifier package registers under the entry-point group `sparsecheck.sparsifiers`.

    distribution: the package's name on the registry; its version is read from metadata.
    supported, unsupported: space-separated names from `sparsecheck.CAPABILITIES`; each stands in one of them.
    catalogue: the catalogue version that the adapter was written for (`sparsecheck list` shows the current one). What
        is newer is judged and shown as provisional, and never red, until the adapter states its version.
    contract: the choices on which two correct sparsifiers may differ.
    """

    distribution: ClassVar[str]
    homepage: ClassVar[str] = ""
    tracker: ClassVar[str] = ""
    profile: ClassVar[Profile] = "mask"
    supported: ClassVar[str]
    unsupported: ClassVar[str] = ""
    catalogue: ClassVar[int] = FIRST_STATED
    contract: Contract

    @abstractmethod
    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        """Sparsify a dense model, in place or by wrapping it."""

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        """In a fresh process, from what was saved, whose masks go before those that the plan would give.
        By default: attach, then load both parts."""
        sparsified = self.attach(dense_model, plan, context)
        sparsified.load(saved)
        return sparsified

    def refuse_unsupported(self, plan: Plan, model: nn.Module | None = None) -> None:
        """For packages that have no way to be asked for some patterns; called by `attach` before all else.

        model: if given, a planned parameter that it holds in two places is refused, too, unless `tied` is supported.

        Raises:
            Refusal: the plan has a pattern, or the scope `all`, that is not declared supported; or a tied parameter.
        """
        supported = declare(self.supported, self.unsupported).supported
        for name, pattern in plan.patterns.items():
            if _capability(pattern) not in supported:
                raise Refusal(f"{name}: {type(self).__name__} has no way to ask for {_words(pattern)}")
        if plan.scope == "all" and "scope_all" not in supported:
            raise Refusal(f"{', '.join(plan.names)}: {type(self).__name__} has no way to ask for scope 'all'")
        if model is not None and "tied" not in supported:
            _refuse_tied(model, plan)

    @property
    def version(self) -> str:
        """The installed version of the distribution, or 0 if no metadata say."""
        try:
            return version(self.distribution)
        except PackageNotFoundError:
            return "0"

    def declare(self, name: str) -> Declaration:
        """What this adapter declares, as a value, under the name it is registered by.

        Raises:
            AttributeError: something to declare is missing.
            InvalidCapabilities: a capability is unknown, or stands on both sides.
        """
        return Declaration(
            sparsifier=name,
            distribution=self.distribution,
            version=self.version,
            homepage=self.homepage,
            tracker=self.tracker,
            profile=self.profile,
            capabilities=declare(self.supported, self.unsupported),
            contract=self.contract,
            catalogue=self.catalogue,
        )
