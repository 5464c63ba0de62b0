"""Capabilities of a sparsifier: supported, unsupported or undeclared, so that silence is not an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

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
    "n_of_m": "keeps 2 of every 4 entries along the input dimension",
    "any_n_of_m": "keeps n of every m entries along the input dimension, for n and m other than 2 and 4",
    "channel": "removes whole slices along dimension 0 (outputs) by level",
    "input_channel": "removes whole slices along a dimension other than the outputs by level",
    "band": "keeps a band around the diagonal",
    "scope_all": "ranks all planned parameters together",
    "float64": "works on float64 weights",
    "float32": "works on float32 weights",
    "bfloat16": "works on bfloat16 weights",
    "float16": "works on float16 weights",
    "cpu": "works on the CPU",
    "accelerator": "works on an accelerator, such as CUDA",
    "per_parameter": "applies a pattern of its own to each planned parameter",
    "reupdate": "recomputes its masks at every update, not only at the first",
    "relevel": "accepts a new level in update(level), at any update",
    "tied": "sparsifies a parameter that two layers share",
    "finalize": "returns a plain model for deployment",
    "restore": "restores a sparse model from a saved state",
    "trace": "leaves the model traceable by torch.jit.trace",
    "export": "leaves the model exportable by torch.export",
    "compile": "leaves the model compilable by torch.compile with fullgraph=True",
    "save_trace": "leaves a trace of the model savable by torch.jit.save",
    "deepcopy": "leaves the model copyable by copy.deepcopy",
}
"""All capabilities, with a description of each."""


SINCE: dict[str, int] = {"input_channel": 2, "save_trace": 4, "deepcopy": 4}
"""The catalogue version that introduced a capability, if it is not the first."""

LAYER_KINDS = ("linear", "conv1d", "conv2d", "embedding")
"""The capabilities that stand for a type of layer."""

BLOCK_PARTS = ("kx1", "1xk")
"""The parts of `block` that can be declared: blocks of one column, blocks of one row."""

PARTS: dict[str, tuple[str, ...]] = {
    "block": BLOCK_PARTS,
    **dict.fromkeys(("given", "unstructured", "channel", "input_channel"), LAYER_KINDS),
}
"""The patterns that can be supported in part, each with the parts that can be declared."""


class InvalidCapabilities(ValueError):
    """Raised if a declaration names an unknown capability, answers one twice, or limits one to parts it cannot have."""


class Capabilities(Struct, frozen=True):
    """The answers of an adapter; every name comes from `CAPABILITIES`.

    Attributes:
        supported: The names of the supported capabilities.
        unsupported: The names of the unsupported capabilities.
        partial: Pairs of a supported pattern and the only supported parts of it, space separated: types of layers, or
            `kx1` and `1xk` for blocks.
    """

    supported: frozenset[str]
    unsupported: frozenset[str]
    partial: tuple[tuple[str, str], ...] = ()

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

    def part(self, pattern: str) -> tuple[str, ...]:
        """Return the only supported parts of `pattern`; an empty tuple if all of it is supported."""
        return tuple(dict(self.partial).get(pattern, "").split())

    def has_pattern_on(self, pattern: str, kinds: Iterable[str]) -> bool:
        """Return whether no declared part of `pattern` leaves out one of the supported layer types in `kinds`."""
        part = self.part(pattern)
        return pattern == "block" or not part or not (set(kinds) & self.supported) - set(part)

    def has_block(self, rows: int, columns: int) -> bool:
        """Return whether no declared part of `block` leaves out blocks of this shape."""
        part = self.part("block")
        return not part or (columns == 1 and "kx1" in part) or (rows == 1 and "1xk" in part)

    @property
    def undeclared(self) -> tuple[str, ...]:
        """Return the capabilities without an answer, in the order of `CAPABILITIES`."""
        return tuple(name for name in CAPABILITIES if self.support(name) is Support.UNDECLARED)

    def undeclared_at(self, catalogue: int) -> tuple[str, ...]:
        """Return the capabilities without an answer that the catalogue version `catalogue` already had."""
        return tuple(name for name in self.undeclared if SINCE.get(name, 1) <= catalogue)


def declare(
    supported: str | Iterable[str], unsupported: str | Iterable[str], partial: Mapping[str, str] | None = None
) -> Capabilities:
    """Return capabilities from names, each side one space-separated string or an iterable.

    Args:
        supported: The names of the supported capabilities.
        unsupported: The names of the unsupported capabilities.
        partial: By supported pattern, the only parts of it that are supported, space separated.

    Raises:
        InvalidCapabilities: A name is unknown, on both sides, or limited to a part that it does not have.
    """
    if not all(isinstance(one, str) for one in _words_of(partial)):
        raise InvalidCapabilities("partial is not made of words; write it as {'block': 'kx1', 'channel': 'conv2d'}")
    yes, no = _names(supported), _names(unsupported)
    if unknown := sorted((yes | no) - set(CAPABILITIES)):
        raise InvalidCapabilities(f"unknown: {', '.join(unknown)}; known are {', '.join(CAPABILITIES)}")
    if both := sorted(yes & no):
        raise InvalidCapabilities(f"both supported and unsupported: {', '.join(both)}")
    declared = Capabilities(yes, no, tuple(sorted((partial or {}).items())))
    _check_partial(declared)
    return declared


def _words_of(partial: Any) -> Iterable[object]:
    """Return the patterns and parts of a mapping; anything else as it is, in which no pattern can be read."""
    partial = {} if partial is None else partial
    return (*partial.keys(), *partial.values()) if isinstance(partial, Mapping) else (None,)


def _check_partial(declared: Capabilities) -> None:
    for pattern, words in declared.partial:
        _check_part(declared, pattern, words.split())
    patterns = declared.supported & {"given", "unstructured", "block", "n_of_m", "any_n_of_m", "channel",
                                     "input_channel", "band"}
    for kind in declared.supported & set(LAYER_KINDS) if declared.partial else ():
        if not any(declared.has_pattern_on(pattern, [kind]) for pattern in patterns):
            raise InvalidCapabilities(
                f"partial: no pattern is supported on {kind}, which is declared supported; declare {kind} unsupported"
            )


def _check_part(declared: Capabilities, pattern: str, parts: list[str]) -> None:
    if pattern not in PARTS:
        raise InvalidCapabilities(f"partial {pattern!r}: only {', '.join(PARTS)} can be supported in part")
    if pattern not in declared.supported:
        raise InvalidCapabilities(f"partial {pattern!r}: {pattern} is not among the supported capabilities")
    if not parts or set(parts) - set(PARTS[pattern]):
        given = ", ".join(sorted(set(parts) - set(PARTS[pattern]))) or "nothing"
        raise InvalidCapabilities(f"partial {pattern!r} names {given}; its parts are {', '.join(PARTS[pattern])}")
    if pattern != "block" and (others := set(parts) - declared.supported):
        raise InvalidCapabilities(f"partial {pattern!r} names {', '.join(sorted(others))}, not declared supported")


def _names(given: str | Iterable[str]) -> frozenset[str]:
    return frozenset(given.split() if isinstance(given, str) else given)
