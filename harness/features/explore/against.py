"""Run each program on two sparsifiers, and compare what is seen: a disagreement is a find without an oracle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import NotJudged
from ...oracle.tolerance import tolerance
from ...programs.observed import Look, Numbers
from ...programs.offer import Offer
from ...programs.statements import describe
from ...values.declaration import Declaration
from ...values.program_json import AnyProgram
from ...values.steps import Train, Update
from .agreement import Agreement, agreement, common_offer
from .messages import NOT_OFFERED, Outcome
from .runner import Runner
from .search import probed_by

KINDS = MASKS, WEIGHTS, OUTPUTS, REFUSALS = (
    "masks-disagree", "weights-disagree", "outputs-disagree", "refusals-disagree",
)
"""The kinds of disagreement."""

_AFTER_TRAINING = 20.0
"""By what the tolerance grows once training has amplified rounding; as in a walk."""


@contextmanager
def pair_of(runner: Runner, declaration: Declaration, name: str) -> Iterator[tuple[Pair, Offer]]:
    """Yield what runs programs on two sparsifiers, and what both of them take.

    Args:
        runner: Runs programs on the first.
        declaration: The declaration of the first.
        name: The name of the second.

    Raises:
        NotJudged: The second cannot be explored.
    """
    with closing(runner.beside(name)) as other:
        theirs = mask_declaration(other)
        offer = common_offer(_offer(runner, declaration), _offer(other, theirs))
        runner.looks = other.looks = True
        yield Pair(runner, other, agreement(declaration, theirs)), offer


def mask_declaration(runner: Runner) -> Declaration:
    """Return the declaration of a sparsifier of the profile `mask`.

    Raises:
        NotJudged: It has another profile, or cannot be loaded.
    """
    declaration = runner.declaration()
    if declaration.profile != "mask":
        raise NotJudged(f"{runner.name} has the profile {declaration.profile}; --against compares the profile mask")
    return declaration


def _offer(runner: Runner, declaration: Declaration) -> Offer:
    offer = probed_by(runner, declaration)
    assert isinstance(offer, Offer)
    return offer


@dataclass
class Pair:
    """Runs programs on two sparsifiers, as `Runner` does on one.

    Attributes:
        one: Runs the first; its programs are observed.
        other: Runs the second.
        agreed: What is compared.
    """

    one: Runner
    other: Runner
    agreed: Agreement

    def run(self, program: AnyProgram) -> Outcome:
        """Run one program on both, and return the first disagreement.

        Raises:
            Stopped: The search was interrupted.
        """
        return compared(program, self.one.run(program), self.other.run(program), self.agreed)

    def run_fresh(self, program: AnyProgram) -> Outcome:
        """Run one program in children that have run no other.

        Raises:
            Stopped: The search was interrupted.
        """
        return compared(program, self.one.run_fresh(program), self.other.run_fresh(program), self.agreed)

    def run_all(self, programs: Sequence[AnyProgram]) -> Iterator[Outcome]:
        """Yield the outcomes of programs, in their order.

        Raises:
            Stopped: The search was interrupted.
        """
        with ThreadPoolExecutor(self.one.jobs) as pool:
            yield from pool.map(self.run, programs)


def compared(program: AnyProgram, one: Outcome, other: Outcome, agreed: Agreement) -> Outcome:
    """Return the first disagreement between what two sparsifiers made of a program.

    Args:
        program: The program.
        one: What was seen of the first.
        other: What was seen of the second.
        agreed: What is compared.
    """
    if one.kind == other.kind == NOT_OFFERED:
        return Outcome(NOT_OFFERED, one.message, one.step)
    for number in range(1, min(len(one.looks), len(other.looks)) + 1):
        first, second = one.looks[number - 1], other.looks[number - 1]
        if _updates(program, number) > 1 and not agreed.compares("later masks"):
            return Outcome(step=number)
        if first.skipped != second.skipped:  # so that the two are in different states from here on
            return Outcome(step=number)
        kind, message = _difference(first, second, program, number, agreed)
        if kind:
            return Outcome(kind, f"step {number}, {describe(program.steps[number - 1])}: {message}", number)
    return _ends(program, one, other, agreed)


def _updates(program: AnyProgram, number: int) -> int:
    return sum(isinstance(one, Update) and (one.level is None or 0 <= one.level <= 1) for one in program.steps[:number])


def _ends(program: AnyProgram, one: Outcome, other: Outcome, agreed: Agreement) -> Outcome:
    """Compare how two runs ended: at the same step, or not at all."""
    steps = (one.step if one.kind else len(program.steps) + 1, other.step if other.kind else len(program.steps) + 1)
    step = min(steps)
    if steps[0] == steps[1]:
        return Outcome(step=min(step, len(program.steps)))
    if len((other if steps[0] < steps[1] else one).looks) < step:  # torch itself ended that run before
        return Outcome(step=len(program.steps))
    names = (agreed.one, agreed.other)
    says = [f"{name} {_how(outcome) if end == step else 'goes on'}"
            for name, outcome, end in zip(names, (one, other), steps, strict=True)]
    return Outcome(REFUSALS, f"step {step}, {describe(program.steps[step - 1])}: {'; '.join(says)}", step)


def _how(outcome: Outcome) -> str:
    message = outcome.message.partition(": ")[2] if outcome.message.startswith("step ") else outcome.message
    return f"refuses: {message}" if outcome.kind == NOT_OFFERED else f"fails as {outcome.kind}: {message}"


def _difference(one: Look, other: Look, program: AnyProgram, number: int, agreed: Agreement) -> tuple[str, str]:
    """Return the kind and the description of the first difference between two looks; empty strings if there is none."""
    has_masks = bool(one.masks or other.masks)
    if has_masks and not agreed.compares("masks"):
        return "", ""
    names = (agreed.one, agreed.other)
    for name in (name for name in one.masks if name in other.masks):
        if words := _unequal(one.masks[name], other.masks[name], names, f"mask of {name}", 0.0, "removed", "kept"):
            return MASKS, words
    bound = _bound(program, number)
    for name in (name for name in one.weights if name in other.weights):
        if words := _unequal(one.weights[name], other.weights[name], names, f"weight in use of {name}", bound):
            return WEIGHTS, words
    words = _unequal(one.output, other.output, names, "output", bound) if one.output and other.output else ""
    return (OUTPUTS, words) if words else ("", "")


def _bound(program: AnyProgram, number: int) -> float:
    """Return the relative difference that rounding may make until a step."""
    relative = tolerance("cpu", program.dtype).relative
    return relative * (_AFTER_TRAINING if any(isinstance(one, Train) for one in program.steps[:number]) else 1.0)


def _unequal(
    one: Numbers, other: Numbers, names: tuple[str, str], what: str, bound: float, *words: str
) -> str:
    """Describe where two arrays differ by more than a bound; return an empty string if they do not."""
    first, second = one.array, other.array
    if first.shape != second.shape:
        return f"{what} has shape {first.shape} with {names[0]} and {second.shape} with {names[1]}"
    agree = np.isclose(first, second, rtol=bound, atol=bound * _size(second), equal_nan=True)
    if agree.all():
        return ""
    at = tuple(int(one) for one in np.argwhere(~agree)[0])
    seen = [words[int(one[at])] if words else f"{one[at]:.9g}" for one in (first, second)]
    return (f"{what} of shape {first.shape} differs at {int((~agree).sum())} of {agree.size} entries, first at {at}: "
            f"{seen[0]} by {names[0]}, {seen[1]} by {names[1]}")


def _size(values: NDArray[np.float64]) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return max(1.0, float(finite.max())) if finite.size else 1.0
