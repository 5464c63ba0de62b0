"""What hypothesis draws, and the program that it stands for with one sparsifier."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from ...programs.fill import fill
from ...programs.offer import Offer
from ...programs.related import programs_of
from ...programs.relations import RELATIONS
from ...values.contract import Invariance
from ...values.program import Program
from ...values.program_json import AnyProgram, to_line
from ...values.skeleton import Skeleton
from ...values.steps import (
    Attach,
    Backward,
    CopyModel,
    Forward,
    SaveAndRestore,
    SetMode,
    Step,
    Train,
    Update,
    WriteWeights,
)
from . import simplify

_STEPS = (Attach, Backward, CopyModel, Forward, SaveAndRestore, SetMode, Train, Update, WriteWeights)
"""The steps of related programs: none makes ties, and none does something else to the second program."""

_FINE = ("float32", "float64")
"""The dtypes in which values have no ties."""


class Drawn(Struct, frozen=True, kw_only=True):
    """One draw.

    Attributes:
        skeleton: The skeleton.
        relation: The relation by which its program is judged; an empty string if it is judged by itself.
    """

    skeleton: Skeleton
    relation: Invariance | str = ""


def key(program: AnyProgram) -> bytes:
    """Return what is the same for equal programs alone."""
    return to_line(program)


def relations_of(offer: Offer) -> tuple[str, ...]:
    """Return the relations that hold for a sparsifier, by default or because it declares them."""
    contract = offer.declaration.contract
    names = dict.fromkeys((*contract.always_invariant, *contract.declared_invariances))
    return tuple(name for name in names if not RELATIONS[name].needs or offer.has(RELATIONS[name].needs))


def made(drawn: Drawn, offer: Offer) -> Program:
    """Return the program of a draw; one without the relation where no second program can be derived."""
    if drawn.relation:
        related = _related(drawn, offer)
        if programs_of(related) is not None:
            return related
    return fill(drawn.skeleton, offer)


def simpler(drawn: Drawn) -> Iterator[Drawn]:
    """Yield draws that differ in one thing, and are simpler; the relation stays."""
    yield from (replace(drawn, skeleton=one) for one in simplify.simpler(drawn.skeleton))


def _related(drawn: Drawn, offer: Offer) -> Program:
    """Return a program without ties, whose masks can be compared with those of a second one."""
    sizes = {"wide": "small", "large": "small"}
    slots = tuple(replace(one, size=sizes.get(one.size, one.size)) for one in drawn.skeleton.slots)
    program = fill(replace(drawn.skeleton, slots=slots, values="untied", missing=False), offer)
    dtypes = [one for one in (program.dtype, *offer.dtypes) if one in _FINE]
    trains = bool(dtypes) and drawn.relation != "memory"  # in other memory, sums are rounded in another order
    return replace(
        program, dtype=dtypes[0] if dtypes else program.dtype, relation=drawn.relation,
        memory="contiguous" if drawn.relation == "memory" else program.memory,
        steps=tuple(_plain(one) for one in program.steps if isinstance(one, _STEPS)
                    and (trains or not isinstance(one, Train)) and not _is_refused(one)),
    )


def _plain(step: Step) -> Step:
    """Return a step without the choices that the comparison of two programs cannot follow."""
    if isinstance(step, Update):
        return Update(level=step.level, straight=step.straight)
    return Attach() if isinstance(step, Attach) else step


def _is_refused(step: Step) -> bool:
    return isinstance(step, Update) and step.level is not None and not 0 <= step.level <= 1
