"""The adapter protocol: the only interface between the harness and a sparsifier."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..values.capability import Capabilities, declare
from ..values.contract import Contract
from ..values.declaration import FIRST_STATED, Declaration
from ..values.pattern import Band, Block, Channel, Given, NofM, Pattern, Unstructured
from ..values.plan import Plan
from ..values.requirement import Profile
from ..values.schedule import Schedule
from .distributions import installed
from .schedules import Scheduled


@lru_cache(maxsize=64)
def _installed_version(distribution: str) -> str:
    """Return the version of a distribution, read once per process, since every cell compares the declaration."""
    found = installed(distribution)
    return found.version if found is not None else ""


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


_KINDS: dict[str, type[nn.Module]] = {
    "linear": nn.Linear, "conv1d": nn.Conv1d, "conv2d": nn.Conv2d, "embedding": nn.Embedding,
}


def _refuse_rest(capabilities: Capabilities, name: str, pattern: Pattern, model: nn.Module | None) -> None:
    capability = _capability(pattern)
    part = " and ".join(capabilities.part(capability))
    if isinstance(pattern, Block):
        if not capabilities.has_block(*pattern.shape):
            raise Refusal(f"{name}: of blocks only {part} is supported, not {'x'.join(map(str, pattern.shape))}")
    elif part:
        if model is None:
            raise TypeError(f"{capability} is supported on {part} only: call refuse_unsupported(plan, model)")
        layer = dict(model.named_modules()).get(name.rpartition(".")[0])
        if not isinstance(layer, tuple(_KINDS[kind] for kind in capabilities.part(capability))):
            kind = "no layer" if layer is None else type(layer).__name__
            raise Refusal(f"{name}: {_words(pattern)} is supported on {part} only, and this is {kind}")


def _refuse_tied(model: nn.Module, plan: Plan) -> None:
    held = dict(model.named_parameters(remove_duplicate=False))
    for name in plan.names:
        places = [other for other, parameter in held.items() if parameter is held.get(name)]
        if len(places) > 1:
            raise Refusal(f"{name} is tied: one parameter is shared as {', '.join(places)}")


@dataclass(frozen=True)
class Context:
    """Information that a sparsifier may need in addition to a model and a plan.

    Attributes:
        example_input: A batch that the model takes.
        batches: Calibration batches (input, target).
        device: The device of the model's parameters.
        dtype: The dtype of the model's parameters.
    """

    example_input: Tensor
    batches: tuple[Batch, ...]
    device: torch.device
    dtype: torch.dtype


@dataclass(frozen=True)
class Saved:
    """The saved state of a run.

    Attributes:
        model: The state dict of the sparse model.
        sidecar: State that the sparsifier keeps outside the model; anything that `torch.save` accepts.
    """

    model: dict[str, Any]
    sidecar: Any = field(default_factory=dict)


class Refusal(Exception):
    """Raised by an adapter for a request that its package has no means to express.

    The report distinguishes it from a refusal by the package itself.
    """


class Sparsified(ABC):
    """One sparsifier at work on one model.

    Attributes:
        model: The model to run; it may wrap the one that was attached to.

    Args:
        model: The model to run.
        plan: The plan.
        recompute: A function that `update` calls with the new level or None; a subclass may define `update` instead.
    """

    model: nn.Module

    def __init__(
        self, model: nn.Module, plan: Plan, recompute: Callable[[float | None], object] | None = None
    ) -> None:
        self.model = model
        self.plan = plan
        self._recompute = recompute

    def update(self, level: float | None = None) -> None:
        """Recompute the masks from the current weights, at the plan's levels or all at `level`.

        Raises:
            TypeError: Neither `recompute` was given nor `update` defined.
        """
        if self._recompute is None:
            raise TypeError(f"{type(self).__name__} has no way to update: give it `recompute` or define `update`")
        self._recompute(level)

    @abstractmethod
    def masks(self) -> dict[str, Tensor]:
        """Return one boolean mask per planned parameter, True where kept, under the dense model's parameter names.

        Each has the shape and the device of its parameter. The structural profile returns an empty dict.
        """

    @abstractmethod
    def finalize(self) -> nn.Module:
        """Return the plain model that a user deploys."""

    def train(self, batches: Iterable[Batch], loss: Loss, optimizer: torch.optim.Optimizer) -> None:
        """Take one optimizer step per batch; override this if the package owns the training loop."""
        for inputs, target in batches:
            optimizer.zero_grad()
            loss(self.model(inputs), target).backward()
            self.step(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Take one optimizer step; override this if users of the package must call it after each step."""
        optimizer.step()

    def save(self) -> Saved:
        """Return the model's state dict and the sidecar, as a user of the package would save them."""
        return Saved(self.model.state_dict(), self.sidecar())

    def sidecar(self) -> Any:
        """Return the state that the sparsifier keeps outside the model's state dict; nothing by default."""
        return {}

    def load(self, saved: Saved) -> None:
        """Load a saved state into this model, which was attached anew."""
        self.model.load_state_dict(saved.model)
        self.load_sidecar(saved.sidecar)

    def load_sidecar(self, sidecar: Any) -> None:  # noqa: B027  # most keep no sidecar
        """Load a state that `sidecar` returned; do nothing by default."""

    def schedule(self, schedule: Schedule) -> Scheduled:
        """Put this sparsifier, which was attached or restored, under a schedule.

        Raises:
            Refusal: The package has no schedules, which is the default.
        """
        raise Refusal(f"{', '.join(self.plan.names)}: no schedule {' '.join(schedule.needs)} is supported")

    def remember(self) -> None:  # noqa: B027  # most rewind nothing
        """Remember the present weights of the planned parameters, to which `rewind` returns; do nothing by default."""

    def rewind(self) -> None:
        """Give the planned parameters the remembered weights again, and keep the masks.

        Raises:
            Refusal: The package has no such call, which is the default.
        """
        raise Refusal(f"{', '.join(self.plan.names)}: rewind is not supported")


class Adapter(ABC):
    """Base class of the adapter that a package registers under the entry-point group `sparsecheck.sparsifiers`.

    Attributes:
        distribution: The name of the package's distribution, which must be installed; its version is read from the
            metadata. An empty string states that the adapter's file is all there is to judge.
        homepage: The address of the documentation.
        tracker: The address of the issue tracker.
        profile: The profile, `mask` or `structural`.
        supported: Space-separated names from `sparsecheck.CAPABILITIES`; each is in `supported` or in `unsupported`.
        unsupported: The other names.
        partial: By supported pattern, the only part of it that is supported: types of layers, or `kx1` and `1xk` for
            blocks of one column and of one row.
        catalogue: The catalogue version that the adapter was written for; `sparsecheck list` shows the current one.
            Newer requirements are judged and shown as provisional, never red, until the adapter states their version.
        contract: The choices in which two correct sparsifiers may differ.
    """

    distribution: ClassVar[str]
    homepage: ClassVar[str] = ""
    tracker: ClassVar[str] = ""
    profile: ClassVar[Profile] = "mask"
    supported: ClassVar[str]
    unsupported: ClassVar[str] = ""
    catalogue: ClassVar[int] = FIRST_STATED
    partial: ClassVar[Mapping[str, str]] = {}
    contract: Contract

    @abstractmethod
    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        """Sparsify a dense model: in place, by wrapping it, or, if the contract says so, in a copy."""

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        """Restore a saved run in a fresh process; the saved masks take precedence over those that the plan would give.

        By default: attach, then load both parts.

        Args:
            dense_model: A dense model of the same architecture, with other weights.
            plan: A plan for the same parameters.
            saved: The saved state.
            context: The context, as for `attach`.
        """
        sparsified = self.attach(dense_model, plan, context)
        sparsified.load(saved)
        return sparsified

    def refuse_unsupported(self, plan: Plan, model: nn.Module | None = None) -> None:
        """Refuse a plan that the package has no means to express; to be called first in `attach`.

        Args:
            plan: The plan.
            model: If given, a planned parameter that it holds in two places is refused too, unless `tied` is supported.
                Needed if `partial` names types of layers.

        Raises:
            Refusal: A pattern, or its part, or the scope `all`, is not declared supported; or a planned parameter is
                tied.
            TypeError: `partial` names types of layers, and there is no model to find them in.
        """
        capabilities = declare(self.supported, self.unsupported, self.partial)
        supported = capabilities.supported
        for name, pattern in plan.patterns.items():
            if _capability(pattern) not in supported:
                raise Refusal(f"{name}: {type(self).__name__} has no way to ask for {_words(pattern)}")
            _refuse_rest(capabilities, name, pattern, model)
        if plan.scope == "all" and "scope_all" not in supported:
            raise Refusal(f"{', '.join(plan.names)}: {type(self).__name__} has no way to ask for scope 'all'")
        if model is not None and "tied" not in supported:
            _refuse_tied(model, plan)

    @property
    def version(self) -> str:
        """Return the installed version of the distribution; an empty string if there is none."""
        return _installed_version(self.distribution)

    def declare(self, name: str) -> Declaration:
        """Return the declarations of this adapter as a value.

        Args:
            name: The name under which the adapter is registered.

        Raises:
            AttributeError: A declaration is missing.
            InvalidCapabilities: A capability is unknown, both supported and unsupported, or has no such part.
        """
        return Declaration(
            sparsifier=name,
            distribution=self.distribution,
            version=self.version,
            homepage=self.homepage,
            tracker=self.tracker,
            profile=self.profile,
            capabilities=declare(self.supported, self.unsupported, self.partial),
            contract=self.contract,
            catalogue=self.catalogue,
        )
