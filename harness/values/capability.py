"""Capabilities of a sparsifier: supported, unsupported or undeclared, so that silence is not an answer."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct


class Support(Enum):
    """The answer of an adapter about one capability."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    UNDECLARED = "undeclared"


CAPABILITIES: dict[str, str] = {
    "linear": "sparsifies the weight of nn.Linear",
    "conv1d": "sparsifies the weight of nn.Conv1d",
    "conv2d": "sparsifies the weight of nn.Conv2d",
    "embedding": "sparsifies the weight of nn.Embedding",
    "given": "applies a mask chosen by the caller",
    "unstructured": "removes single entries by level",
    "block": "removes whole blocks of a matrix by level",
    "n_of_m": "keeps 2 of each 4 entries along the input dimension",
    "any_n_of_m": "keeps n of each m entries along the input dimension, for other n and m than 2 and 4",
    "channel": "removes whole slices along dimension 0, the outputs, by level",
    "input_channel": "removes whole slices along another dimension than the outputs, by level",
    "band": "keeps a band around the diagonal",
    "scope_all": "ranks all planned parameters together",
    "float64": "works on float64 weights",
    "float32": "works on float32 weights",
    "bfloat16": "works on bfloat16 weights",
    "float16": "works on float16 weights",
    "cpu": "works on the CPU",
    "accelerator": "works on an accelerator (CUDA and the like)",
    "per_parameter": "gives each planned parameter a pattern of its own",
    "reupdate": "recomputes its masks at every update, and not at the first alone",
    "relevel": "takes a new level in update(level), at any update",
    "tied": "sparsifies a parameter that two layers share",
    "finalize": "hands back a plain model for deployment",
    "restore": "restores a sparse model from what was saved",
    "trace": "leaves a model that torch.jit.trace can trace",
    "export": "leaves a model that torch.export can export",
    "compile": "leaves a model that torch.compile can compile whole (fullgraph)",
}
"""All capabilities, with a description of each."""


SINCE: dict[str, int] = {"input_channel": 2}
"""The catalogue version that introduced a capability, if it is not the first."""


class InvalidCapabilities(ValueError):
    """Raised if a declaration names an unknown capability, or one as both supported and unsupported."""


class Capabilities(Struct, frozen=True):
    """The answers of an adapter; every name comes from `CAPABILITIES`."""

    supported: frozenset[str]
    unsupported: frozenset[str]

    def support(self, name: str) -> Support:
        """Return the answer about a capability.

        Raises:
            KeyError: No capability has that name.
        """
        if name not in CAPABILITIES:
            raise KeyError(name)
        if name in self.supported:
            return Support.SUPPORTED
        return Support.UNSUPPORTED if name in self.unsupported else Support.UNDECLARED

    @property
    def undeclared(self) -> tuple[str, ...]:
        """Return the capabilities without an answer, in the order of `CAPABILITIES`."""
        return tuple(name for name in CAPABILITIES if self.support(name) is Support.UNDECLARED)

    def undeclared_at(self, catalogue: int) -> tuple[str, ...]:
        """Return the capabilities without an answer that the catalogue version `catalogue` already had."""
        return tuple(name for name in self.undeclared if SINCE.get(name, 1) <= catalogue)


def declare(supported: str | Iterable[str], unsupported: str | Iterable[str]) -> Capabilities:
    """Return capabilities from names, each side one space-separated string or an iterable.

    Raises:
        InvalidCapabilities: A name is unknown, or on both sides.
    """
    yes, no = _names(supported), _names(unsupported)
    if unknown := sorted((yes | no) - set(CAPABILITIES)):
        raise InvalidCapabilities(f"unknown: {', '.join(unknown)}; known are {', '.join(CAPABILITIES)}")
    if both := sorted(yes & no):
        raise InvalidCapabilities(f"both supported and unsupported: {', '.join(both)}")
    return Capabilities(yes, no)


def _names(given: str | Iterable[str]) -> frozenset[str]:
    return frozenset(given.split() if isinstance(given, str) else given)
