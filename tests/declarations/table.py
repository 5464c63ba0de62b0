"""The table of false declarations, and those of them that promise nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args, get_type_hints

from msgspec.structs import replace

from sparsecheck import Adapter
from sparsecheck.values.capability import CAPABILITIES, PARTS
from sparsecheck.values.contract import NO_INVARIANCE, UNDOES_NOTHING, UNDONE, Contract

from .honest import (
    ACCUMULATORS,
    ALONE,
    ATTACHES,
    ATTRIBUTES,
    AVERAGES,
    BASES,
    CHANNEL_SCORES,
    HOLDS,
    NAMED,
    OPTIMIZERS,
    ORDERS,
    PICKLED,
    RESTORES,
    REWINDS,
    REZEROED,
    SCORES,
    THREADS,
    TIES,
    TRAINED,
    VARYING,
    WITHOUT,
    Declaring,
    Make,
    exemplary,
)
from .lacking import lacking

CLAUSES: dict[str, tuple[str, ...]] = {
    clause: get_args(get_type_hints(Contract)[clause]) for clause in Contract.__struct_fields__
}
"""Every clause of the contract, with all its values."""

BUILT: dict[str, tuple[str, ...]] = {
    **{clause: CLAUSES[clause] for clause in ("rounding", "level_basis", "masks_at", "regrowth", "mask_storage",
                                              "ragged", "sizes")},
    "score": ("magnitude-l1", "magnitude-l2"),
    "ties": ("lowest index", "highest index"),
}
"""The clauses by which exemplars can be built, with the values that are then true."""

SPECIAL: dict[str, dict[str, Make]] = {
    "score": SCORES, "restores_into": RESTORES, "holds": HOLDS, "ties": TIES, "rezeroed_by": REZEROED,
    "names": NAMED, "alone": ALONE, "attaches": ATTACHES, "trained": TRAINED, "accumulator_hooks": ACCUMULATORS,
    "parameter_order": ORDERS, "optimizers": OPTIMIZERS, "weight_attribute": ATTRIBUTES, "averages": AVERAGES,
    "rewinds": REWINDS, "pickled": PICKLED, "threads": THREADS,
}
"""By clause and value, sparsifiers of their own of which it is true."""

_STRUCTURAL_ALONE = ("optimizers",)
_JUDGED_STRUCTURAL = ("rounding", "level_basis", "score", "masks_at")


@dataclass(frozen=True)
class FalseDeclaration:
    """One false declaration.

    Attributes:
        base: The honest sparsifier that it is made from.
        what: The capability or clause.
        true: The truth.
        declared: The declaration.
        make: Makes the adapter.
        honest: Makes the adapter that declares the truth, or, if a capability is lacking, that has it.
    """

    base: str
    what: str
    true: str
    declared: str
    make: Make
    honest: Make

    @property
    def name(self) -> str:
        return f"{self.base}: {self.what} {self.declared}, true is {self.true}"

    @property
    def permitted(self) -> str:
        """Return why the suite may accept it; empty if it must not."""
        return next((why for applies, why in PERMITTED if applies(self)), "")


def table() -> Iterator[FalseDeclaration]:
    """Yield every false declaration, also those that are permitted."""
    yield from _clauses()
    for invariance, (base, make) in VARYING.items():
        false = partial(_misdeclared, make, "invariances", invariance)
        yield FalseDeclaration(base, "invariances", NO_INVARIANCE, invariance, false, make)
    yield from _schedules()
    for call in UNDONE:
        false = partial(_misdeclared, exemplary, "undone", call)
        yield FalseDeclaration("exemplar", "undone", UNDOES_NOTHING, call, false, exemplary)
    for one in lacking():
        yield FalseDeclaration(one.base, one.capability, one.way, "supported", one.make, one.honest)
    yield from _unsupported()


def _clauses() -> Iterator[FalseDeclaration]:
    for clause, values in CLAUSES.items():
        for base, true, make in _true_of(clause):
            for declared in values:
                if declared != true:
                    false = partial(_misdeclared, make, clause, declared)
                    yield FalseDeclaration(base, clause, true, declared, false, make)


def _schedules() -> Iterator[FalseDeclaration]:
    """Yield sparsifiers that declare a kind or an option of schedules too many, and those that leave it out."""
    everything = exemplary().contract.schedules
    for word, make in WITHOUT.items():
        less = make().contract.schedules
        for what, honest, declared in ((f"all but {word}", make, everything), ("all", exemplary, less)):
            false = partial(_misdeclared, honest, "schedules", declared)
            short = "all" if declared == everything else f"all but {word}"
            yield FalseDeclaration("exemplar", "schedules", what, short, false, honest)


def _true_of(clause: str) -> Iterator[tuple[str, str, Make]]:
    """Yield (base, value, maker) for sparsifiers of which a value of a clause is true."""
    for base, build in BASES.items():
        if base != "structural" or clause in _JUDGED_STRUCTURAL:
            for value in BUILT.get(clause, ()):
                yield base, value, partial(build, **{clause: value})
    for value, make in SPECIAL.get(clause, {}).items():
        yield "structural" if clause in _STRUCTURAL_ALONE else "exemplar", value, make
    if clause == "score":
        yield from (("structural", value, make) for value, make in CHANNEL_SCORES.items())


def _misdeclared(make: Make, clause: str, declared: str) -> Adapter:
    honest = make()
    return Declaring(honest, contract=replace(honest.contract, **{clause: declared}))


def _unsupported() -> Iterator[FalseDeclaration]:
    for base, build in BASES.items():
        honest = build()
        for capability in CAPABILITIES:
            if capability in honest.supported.split():
                make = partial(_denying, build, capability)
                yield FalseDeclaration(base, capability, "supported", "unsupported", make, build)
    for pattern, part in _declarable_parts():
        make, what = partial(_limited, pattern, part), f"{pattern} elsewhere than on {part}"
        yield FalseDeclaration("exemplar", what, "supported", "unsupported", make, exemplary)


def _denying(build: Callable[..., Adapter], capability: str) -> Adapter:
    honest = build()
    names = honest.supported.split()
    return Declaring(
        honest, supported=" ".join(name for name in names if name != capability),
        unsupported=f"{honest.unsupported} {capability}",
    )


def _declarable_parts() -> Iterator[tuple[str, str]]:
    yield from ((pattern, part) for pattern, parts in PARTS.items() for part in parts)


def _limited(pattern: str, part: str) -> Adapter:
    return Declaring(exemplary(), partial={pattern: part})


def _is(what: str, declared: str | None = None, base: str | None = None, true: str | None = None) -> Any:
    return lambda one: (
        one.what == what and one.declared == (declared or one.declared) and one.base == (base or one.base)
        and one.true == (true or one.true)
    )


PERMITTED: tuple[tuple[Callable[[FalseDeclaration], bool], str], ...] = (
    *((_is(door, "unsupported"), "torch opens this door for every model: an error and a right result both pass")
      for door in ("trace", "export", "compile", "save_trace", "deepcopy")),
    *((_is("reupdate", base=f"holds={holder}"), "is monotone: nothing changes at an unchanged level")
      for holder in ("buffer", "in place")),
    *((_is(clause, "any"), "promises nothing") for clause in ("weight_attribute", "averages", "pickled", "threads")),
    (_is("pickled", "model", true="sparsifier"), "promises less"),
    (_is("threads", "forward", true="update"), "promises less"),
    (_is("weight_attribute", "dense", true="live"), "the weight in use is the dense one, with zeros in it"),
    (_is("ties", "any"), "permits every choice among ties"),
    (_is("regrowth", "free"), "permits what is monotone"),
    (_is("score", "opaque"), "permits every choice"),
    *((_is("accelerator", declared), "is judged where there is an accelerator")
      for declared in ("supported", "unsupported")),
    *((_is(clause, base="2:4 alone"), "2:4 has no level") for clause in ("rounding", "level_basis")),
    *((_is("ragged", base=base), "has no blocks") for base in ("unstructured alone", "channels alone", "2:4 alone")),
    *((_is("score", declared, base, true), "orders single entries alike")
      for base in ("unstructured alone", "2:4 alone")
      for true, declared in (("magnitude-l1", "magnitude-l2"), ("magnitude-l2", "magnitude-l1"))),
)
"""False declarations that the suite may accept, each with the reason."""
