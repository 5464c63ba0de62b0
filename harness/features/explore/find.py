"""Finds: programs that show that something does not hold, and what makes two of them the same."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from ...programs.related import programs_of
from ...programs.statements import describe
from ...values.program import Program
from ...values.program_json import AnyProgram
from ...values.structural_program import StructuralProgram
from .messages import Outcome


@dataclass(frozen=True, order=True)
class Signature:
    """What two finds of one defect have in common.

    Attributes:
        kind: The kind of the violation.
        step: The kind of step, such as `update`; empty if it is unknown.
        where: The parameter of the message with its pattern, such as `linear.weight unstructured`; may be empty.
        known: The entry of the expectation file that explains them; may be empty. Then `where` is empty.
    """

    kind: str
    step: str
    where: str
    known: str = ""

    def __str__(self) -> str:
        at = f" at {self.step}" if self.step else ""
        return f"{self.kind}{at}{f' ({self.where})' if self.where else ''}{f': {self.known}' if self.known else ''}"


@dataclass(frozen=True)
class Find:
    """One find.

    Attributes:
        signature: The signature.
        program: The program, shrunk if that was possible.
        outcome: The outcome of the program in a fresh process.
        number: The number of the program that showed it first; 0 if it was found while the offer was probed.
        steps: The number of steps of that program.
        tried: The number of programs that shrinking ran.
        repeats: Whether it repeats in a fresh process.
    """

    signature: Signature
    program: AnyProgram
    outcome: Outcome
    number: int
    steps: int
    tried: int = 0
    repeats: bool = True


def signature(program: AnyProgram, outcome: Outcome) -> Signature:
    """Return the signature of a failing program."""
    step = program.steps[outcome.step - 1] if 0 < outcome.step <= len(program.steps) else None
    kind = "" if step is None else describe(step).partition(" ")[0]
    where = "" if outcome.known else _where(program, outcome.message)
    return Signature(outcome.kind, kind, where, outcome.known)


def _where(program: AnyProgram, message: str) -> str:
    """Return the kind of layer, parameter and pattern of the first parameter that a message names, if it names one.

    In the structural profile that may be a parameter that is not planned, and depends on one that is. The longest name
    wins, since names may be prefixes of names.
    """
    if isinstance(program, Program) and program.relation:
        return _where_of_pair(program, message)
    planned = {one.name: one for one in program.plan}
    kinds = {f"{layer.name}.{name}": f"{layer.kind}.{name}" for layer in program.layers for name in layer.shapes}
    places = kinds if isinstance(program, StructuralProgram) else planned
    named = sorted((name for name in places if name in message), key=lambda name: (-len(name), message.index(name)))
    if not named or named[0] not in kinds:
        return ""
    return f"{kinds[named[0]]} {planned[named[0]].pattern}" if named[0] in planned else kinds[named[0]]


def _where_of_pair(program: Program, message: str) -> str:
    """Return the parameter of a message about two related programs, which names all of them before it says `if`."""
    second, says = (programs_of(program) or (program,))[-1], message.partition("; if ")[2]
    return _where(replace(second, relation=""), says)


def cut(program: AnyProgram, outcome: Outcome) -> AnyProgram:
    """Return a program without the steps after the failing one."""
    return replace(program, steps=program.steps[: outcome.step]) if outcome.step else program
