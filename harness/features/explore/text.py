"""Render finds for a maintainer who has never seen sparsecheck."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from ...programs.related import programs_of
from ...programs.relations import RELATIONS
from ...programs.render import render, render_pair
from ...programs.statements import describe
from ...programs.structural.render import render as render_structural
from ...show.escaping import one_line
from ...values.contract import Contract
from ...values.program import Program
from ...values.program_json import AnyProgram, to_json
from ...values.structural_program import StructuralProgram
from .against import KINDS, MASKS, OUTPUTS, REFUSALS, WEIGHTS
from .domain import AnyOffer
from .find import Find
from .messages import ENDED, HANGS, WALK_CRASHED, Outcome
from .search import Search

_WIDTH, _INDENT = 110, "    "

STATEMENTS = {
    "count-differs": "An update removes the fraction that the plan asks for, rounded as declared.",
    "kept-differs": "An update removes the entries with the lowest scores.",
    "ties-differ": "Among entries with equal scores, an update keeps those that are declared.",
    "unit-broken": "Blocks and channels are removed or kept as a whole.",
    "regrown": "An entry that was removed stays removed, as declared.",
    "mask-differs": "A mask changes at an update alone, and a given mask is applied as it is.",
    "mask-missing": "masks() has a mask for every planned parameter.",
    "mask-form": "A mask is boolean and has the shape of its parameter.",
    "channels-differ": "Every layer loses the channels that depend on the removed ones, and no others.",
    "entry-differs": "The entries that remain are the dense model's, in the same order.",
    "tensor-missing": "The pruned model has the dense model's parameters, under their names.",
    "cost-differs": "The pruned model has as many parameters as one built with the channels that remain.",
    "aliased": "A restored model shares no storage with the original.",
    "not-plain": "finalize returns a model of the dense model's module types, without new hooks.",
    "weight-differs": "Kept entries have the values that a dense model trained alike has.",
    "removed-weight-differs": "The dense values of removed entries are kept, as declared.",
    "dense-weight-missing": "The dense weight is where the contract declares it.",
    "parameter-differs": "Parameters outside the plan behave as in a dense model.",
    "output-differs": "The output is that of a dense model with the masked weights.",
    "gradient-differs": "The gradient of every kept entry is that of the dense model with the masked weights.",
    "gradient-changed": "What makes no gradients leaves those that are there as they are.",
    "gradient-left": "What makes no gradients leaves none where there was none.",
    "gradient-missing": "Every trainable parameter gets a gradient.",
    "dtype-differs": "A cast of the model casts its weights.",
    "flag-changed": "requires_grad, train and eval are the user's to change.",
    "hook-lost": "A user's hook runs once per call, as on the dense model.",
    "final-differs": "finalize returns the plain model with the masked weights, and nothing else.",
    "not-refused": "What cannot be done is refused.",
    "refusal-unnamed": "A refusal names the parameter.",
    "refusal-by-accident": "A refusal comes from a check, not from an operation that happens to fail.",
    "process-changed": "The sparsifier leaves the state of the process alone.",
    "leaked": "The sparsifier leaves the state of the process alone.",
    "protocol-broken": "Answers have the types of the adapter protocol.",
    "crashed": "What a dense model can do, the sparse model can do.",
    HANGS: "A step comes to its end.",
    ENDED: "The sparsifier does not end the process.",
    WALK_CRASHED: "A program runs to its end. This may be a defect of sparsecheck.",
    MASKS: "Two sparsifiers whose contracts agree choose the same entries.",
    WEIGHTS: "Two sparsifiers with the same masks compute with the same weights.",
    OUTPUTS: "Two sparsifiers with the same masks compute the same output.",
    REFUSALS: "Two sparsifiers that both take a pattern refuse the same, and carry out the same.",
    **{f"differs-if-{one.name}": f"The masks are the same, or in the order of the rows, if {one.change}."
       for one in RELATIONS.values()},
}
"""The statement that a kind of violation contradicts."""


def render_find(number: int, find: Find, contract: Contract, saved: str = "") -> Iterator[str]:
    """Yield a find as text.

    Args:
        number: The number of the find, counted from 1; it is not shown of a known defect.
        find: The find.
        contract: The declared contract.
        saved: The command that repeats it, if it was saved.
    """
    yield f"{'KNOWN' if find.signature.known else f'FIND {number}'}: {find.signature}"
    yield from _wrapped("  required: ", STATEMENTS.get(find.signature.kind, ""))
    yield from _wrapped("  seen: ", find.outcome.message)
    yield f"  how: {_how(find)}"
    if saved:
        yield f"  repeat: {saved}"
    yield ""
    yield from (f"{_INDENT}{line}".rstrip() for line in render_program(find.program, find.outcome, contract))
    if not find.repeats:
        yield from ("", f"{_INDENT}As JSON, for --program:", "")
        yield from (f"{_INDENT}{line}" for line in to_json(find.program).decode().splitlines())
    yield ""


def _how(find: Find) -> str:
    first = f"program {find.number}, of {_steps(find.steps)}" if find.number else "trying out what the sparsifier takes"
    if not find.repeats:
        return f"found by {first}; FLAKY: it does not repeat in a fresh process"
    if not find.tried:
        return f"found by {first}; repeats in a fresh process"
    shrunk = f"shrunk to {_steps(len(find.program.steps))} with {find.tried} more programs"
    return f"found by {first}; {shrunk}; repeats in a fresh process"


def _steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


def render_program(program: AnyProgram, outcome: Outcome, contract: Contract) -> list[str]:
    """Return the lines of a program, the last of them marked as the one after which it fails."""
    if isinstance(program, Program) and program.relation and (programs := programs_of(program)) is not None:
        change = RELATIONS[program.relation].change
        return [*render_pair(*programs, change, contract.holds), "# fails here: its masks are compared with `masks`"]
    lines = render_structural(program) if isinstance(program, StructuralProgram) else render(program, contract.holds)
    if outcome.step == len(program.steps):
        step = describe(program.steps[-1]).partition(" ")[0]
        what = "the two" if outcome.kind in KINDS else "masks, weights, outputs and flags"
        lines.append(f"# fails here: after {step}, {what} are compared")
    return lines


def _wrapped(label: str, text: str) -> Iterator[str]:
    if text:
        plain = one_line(text, 1000)
        yield from textwrap.wrap(label + plain, _WIDTH, subsequent_indent=" " * len(label), break_on_hyphens=False)


def render_offer(offer: AnyOffer) -> Iterator[str]:
    """Yield what the sparsifier takes, a line for each pattern."""
    patterns = dict[str, list[str]]()
    for target, taken in offer.patterns.items():
        for pattern in taken:
            patterns.setdefault(pattern, []).append(target)
    for pattern, targets in patterns.items():
        yield from _wrapped(f"  {pattern}: ", ", ".join(targets))


def render_end(name: str, search: Search, options: Sequence[str]) -> Iterator[str]:
    """Yield the summary.

    Args:
        name: The sparsifier.
        search: The search.
        options: The options of the command that repeats it, besides seed and number.
    """
    found, seed = [one for one in search.finds if not one.signature.known], search.scope.seed
    verdict = f"FOUND {len(found)}" if found else "NOTHING FOUND"
    rate = f"; {search.refused} of them were refused by the sparsifier and tell nothing" if search.refused else ""
    yield f"{name}: {verdict} in {search.ran} programs{rate}"
    known = dict.fromkeys(one.signature.known for one in search.finds if one.signature.known)
    yield from _wrapped("  known defects: ", ", ".join(known))
    by_kind = dict[tuple[str, str], list[str]]()
    for find in found:
        by_kind.setdefault((find.signature.kind, find.signature.step), []).append(find.signature.where or "-")
    for (kind, step), places in by_kind.items():
        yield from _wrapped(f"  {kind}{f' at {step}' if step else ''}: ", ", ".join(places))
    if search.programs:
        words = ("sparsecheck explore", name, *options, f"--seed {seed} --programs {search.programs}")
        yield f"repeat: {' '.join(words)}"
