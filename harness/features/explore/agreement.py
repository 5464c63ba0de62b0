"""What two sparsifiers must agree on, by their declarations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from ...programs.fill import fill
from ...programs.offer import Offer
from ...values.capability import Capabilities
from ...values.contract import Contract
from ...values.declaration import Declaration
from ...values.program import Program
from ...values.skeleton import Size, Skeleton
from ...values.steps import (
    Attach,
    Backward,
    ChangeMemory,
    CopyModel,
    Forward,
    Freeze,
    SaveAndRestore,
    SetMode,
    Step,
    Train,
    Update,
    WriteWeights,
)

_DECIDES_MASKS = ("score", "rounding", "masks_at")
"""The clauses that decide every mask."""

_DECIDES_LATER = ("level_basis", "regrowth")
"""The clauses that decide the masks from the second update on."""

_STEPS = (
    Attach, Backward, ChangeMemory, CopyModel, Forward, Freeze, SaveAndRestore, SetMode, Train, Update, WriteWeights,
)
"""The steps that mean the same with both sparsifiers, and make no ties."""

_SINGLE = ("unstructured", "given", "band")
"""The patterns whose scores are no sums, so that values without ties give scores without ties."""

_FINE = ("float32", "float64")
_MOST_IN_HALF = 100
"""The most entries of which no two tie in half precision."""

_SMALL: dict[Size, Size] = {"wide": "small", "large": "small"}


@dataclass(frozen=True)
class Agreement:
    """What is compared between two sparsifiers.

    Attributes:
        one: The name of the first.
        other: The name of the second.
        differs: What is not compared, with the clauses in which the contracts differ: (what, clause).
    """

    one: str
    other: str
    differs: tuple[tuple[str, str], ...] = ()

    def compares(self, what: str) -> bool:
        """Return whether `masks`, `later masks`, `training` or `restored masks` are compared."""
        return all(one != what for one, _ in self.differs)

    def lines(self) -> Iterator[str]:
        """Yield each clause in which the contracts differ, and what is therefore not compared."""
        for what, why in self.differs:
            yield f"{why}: {_WORDS[what]}"


_WORDS = {
    "masks": "masks are not compared, nor anything after the first update",
    "later masks": "nothing is compared from the second update on",
    "training": "training is not compared", "restored masks": "what is restored is not compared",
}


def agreement(one: Declaration, other: Declaration) -> Agreement:
    """Return what two sparsifiers must agree on."""
    return Agreement(one.sparsifier, other.sparsifier, tuple(_differences(one, other)))


def _differences(one: Declaration, other: Declaration) -> Iterator[tuple[str, str]]:
    def words(clause: str) -> str:
        return f"{clause} is {getattr(one.contract, clause)!r} and {getattr(other.contract, clause)!r}"

    def differs(clause: str) -> bool:
        return bool(getattr(one.contract, clause) != getattr(other.contract, clause))

    yield from (("masks", words(clause)) for clause in _DECIDES_MASKS if differs(clause))
    if "random" in (one.contract.score, other.contract.score) and not differs("score"):
        yield "masks", "score is 'random' in both"
    yield from (("later masks", words(clause)) for clause in _DECIDES_LATER if differs(clause))
    if _keeps_dense(one.contract) != _keeps_dense(other.contract):
        yield "later masks", f"{words('holds')}, so that removed entries need not have the same values"
    if differs("trained"):
        yield "training", words("trained")
    if differs("mask_storage") and "nowhere" in (one.contract.mask_storage, other.contract.mask_storage):
        yield "restored masks", words("mask_storage")


def _keeps_dense(contract: Contract) -> bool:
    return contract.holds in ("parametrization", "buffer")


def common_offer(one: Offer, other: Offer) -> Offer:
    """Return what both of two sparsifiers take, with the contract that both can fulfil."""
    patterns = {
        target: tuple(pattern for pattern in taken if pattern in other.patterns.get(target, ()))
        for target, taken in one.patterns.items()
    }
    declaration = _common(one.declaration, other.declaration)
    return Offer(declaration, {target: taken for target, taken in patterns.items() if taken}, {})


def _common(one: Declaration, other: Declaration) -> Declaration:
    capabilities, theirs = one.capabilities, other.capabilities
    supported = capabilities.supported & theirs.supported
    if capabilities.part("block") != theirs.part("block"):
        supported -= {"block"}
    same = {*capabilities.partial} & {*theirs.partial}
    partial = tuple(sorted((name, part) for name, part in {*capabilities.partial, *theirs.partial}
                           if (name, part) in same or not (capabilities.part(name) and theirs.part(name))))
    sizes = max(one.contract, other.contract, key=lambda contract: contract.multiple).sizes
    ragged = one.contract.ragged if one.contract.ragged == other.contract.ragged else "refuse"
    return replace(
        one, capabilities=Capabilities(supported, capabilities.unsupported | theirs.unsupported, partial),
        contract=replace(one.contract, sizes=sizes, ragged=ragged),
    )


def comparable(skeleton: Skeleton, offer: Offer, agreed: Agreement) -> Program:
    """Return the program of a skeleton, as far as both sparsifiers must do the same in it.

    Its values have no ties, since implementations may choose among ties, and sums that nearly tie depend on rounding.
    """
    program = fill(skeleton, offer)
    if program.scope == "all" or any(one.pattern not in _SINGLE for one in program.plan):
        slots = tuple(replace(one, size=_SMALL.get(one.size, one.size)) for one in skeleton.slots)
        program = replace(fill(replace(skeleton, slots=slots), offer), values="untied")
        dtypes: tuple[str, ...] = _FINE
    else:
        program = replace(program, values="distinct")
        largest = max(math.prod(program.shapes.get(one.name, ())) for one in program.plan)
        dtypes = offer.dtypes if largest <= _MOST_IN_HALF else _FINE
    fine = [one for one in (program.dtype, *offer.dtypes) if one in dtypes]
    program = replace(program, dtype=fine[0] if fine else program.dtype)
    return replace(program, steps=tuple(_steps(program, agreed)))


def _steps(program: Program, agreed: Agreement) -> Iterator[Step]:
    """Yield the steps until the first after which the two need not agree."""
    updates = 0
    for step in program.steps:
        if isinstance(step, Update) and (step.level is None or 0 <= step.level <= 1):
            updates += 1
            if updates > 1 and not agreed.compares("later masks"):
                return
            under = "" if step.under == "inference_mode" else step.under
            step = Update(level=step.level, under=under, straight=step.straight)
        if _is_comparable(step, program, agreed):
            yield step
        if updates and not agreed.compares("masks"):
            return


def _is_comparable(step: Step, program: Program, agreed: Agreement) -> bool:
    if isinstance(step, Train):
        return agreed.compares("training") and program.dtype in _FINE
    if isinstance(step, SaveAndRestore):
        return agreed.compares("restored masks")
    return isinstance(step, _STEPS) and not (isinstance(step, CopyModel) and step.what == "sparsified")
