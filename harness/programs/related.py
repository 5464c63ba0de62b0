"""Run two related programs against a sparsifier, and compare their masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from ..oracle import compare
from ..oracle.units import Mask
from ..values.program import Program, ProgramLayer, Removal
from ..values.steps import Attach, Step, Train, Update, WriteWeights
from ..values.violation import Violation, require
from . import statements
from .build import input_shape, output_shape, taken_shape
from .computing import in_computed_dtypes
from .fill import edges, supported_steps
from .offer import Offer, removal_of
from .relations import RELATIONS, Relation
from .taking import NotOffered, Skipped, take
from .targets import TARGETS, layer_of
from .walk import Walk

LIFE = (Attach(), Update(), WriteWeights(), Train(steps=1), Update(level=0.75))
"""The steps of the first program."""

_FIXED = ("given", "band")
"""The patterns that rank nothing; one program of each is enough."""

Trace = list[dict[str, Mask]]
"""The masks after each update."""


class TracedWalk(Walk):
    """A walk that keeps the masks after each update, and leaves all other statements to other requirements."""

    trace: Trace
    judges_plan = False

    def _take(self, step: Step) -> None:
        before = self.updates
        try:
            take(step, self)
        except Skipped as reason:
            self.skipped.append(f"{statements.describe(step)}: {reason}")
        self._follow_weights()
        if self.updates > before:
            self.trace.append({name: mask.copy() for name, mask in self.twin.reported().items()})

    def _follow_weights(self) -> None:
        """Take over the weights as they are, which a later update ranks."""
        for name in self.twin.planned if self.sparsified is not None else ():
            if (place := self.place(name)) is not None:
                self.twin.write(name, place)

    def traced(self) -> Trace:
        """Run the program, and return the masks after each update.

        Raises:
            Violation: A statement does not hold.
            NotOffered: The sparsifier refuses the plan.
        """
        self.trace = []
        self.run()
        return self.trace


def first_programs(offer: Offer) -> Iterator[Program]:
    """Yield the programs that relations change: two layers each, of every kind and every pattern that is offered.

    Values have no ties, and no output is cut, so that a score of any kind can tell all units apart.

    Args:
        offer: What the sparsifier takes; at least one target.
    """
    left = dict.fromkeys(pattern for patterns in offer.patterns.values() for pattern in patterns)
    pairs = [*_pairs(offer)]
    for number, pair in enumerate(pairs):
        shared = _shared(pair, offer)
        ranked = [one for one in shared if one not in _FIXED] or shared
        pattern = ranked[number % len(ranked)]
        left.pop(pattern, None)
        yield _program(offer, pair, pattern)
    for pattern in left:
        alone = ((name,) for name, patterns in offer.patterns.items() if pattern in patterns)
        yield _program(offer, next(one for one in (*pairs, *alone) if pattern in _shared(one, offer)), pattern)
    together = [pair for pair in pairs if len(pair) > 1 and "unstructured" in _shared(pair, offer)]
    if offer.has("scope_all"):
        yield from (replace(_program(offer, pair, "unstructured"), scope="all") for pair in together[:1])


def _pairs(offer: Offer) -> Iterator[tuple[str, ...]]:
    """Yield the offered targets in pairs that run one after the other; alone where that is impossible.

    An embedding takes indices, so it is the first of its pair.
    """
    targets = sorted(offer.patterns, key=lambda name: (TARGETS[name].kind != "embedding", _size(offer, name)))
    while targets:
        one = targets.pop(0)
        other = next((name for name in targets if _fits(offer, (one, name))), None)
        if other is not None:
            targets.remove(other)
        yield (one,) if other is None else (one, other)


def _size(offer: Offer, name: str) -> int:
    return math.prod(input_shape(_program(offer, (name,), offer.patterns[name][0])))


def _fits(offer: Offer, pair: tuple[str, str]) -> bool:
    """Return whether a pattern is offered for both, and no output of the first is cut."""
    shared = _shared(pair, offer)
    if not shared or TARGETS[pair[1]].kind == "embedding":
        return False
    program = _program(offer, pair, shared[0])
    made = output_shape(replace(program, layers=program.layers[:1]))
    return math.prod(made) <= math.prod(taken_shape(program.layers[1], program, made)[0])


def _shared(targets: tuple[str, ...], offer: Offer) -> list[str]:
    """Return the patterns that are offered for all of these targets."""
    return [one for one in offer.patterns[targets[0]] if all(one in offer.patterns[name] for name in targets)]


def _program(offer: Offer, targets: tuple[str, ...], pattern: str) -> Program:
    """Return the program of these targets, all with one pattern."""
    layers, plan = list[ProgramLayer](), list[Removal]()
    for number, target in enumerate(targets, 1):
        removal = removal_of(offer, f"layer{number}.{TARGETS[target].parameter}", pattern, 0.5)
        multiple = math.lcm(offer.declaration.contract.multiple, *edges(removal, offer))
        plan.append(removal)
        layers.append(layer_of(TARGETS[target], f"layer{number}", "small", multiple))
    program = Program(
        layers=tuple(layers), dtype=offer.dtypes[0], values="untied", plan=tuple(plan),
        steps=tuple(supported_steps(LIFE, offer)),
    )
    return in_computed_dtypes(program, offer.dtypes)


def assert_related(relation: Relation, program: Program, run: Callable[[Program], Trace]) -> bool:
    """Assert that a program and the one that a relation derives have the masks that belong together.

    Args:
        relation: The relation.
        program: The program to begin with.
        run: Runs a program, and returns its masks.

    Returns:
        Whether there was anything to compare.

    Raises:
        Violation: The masks do not belong together (`differs-if-NAME`), or one of the programs fails by itself.
    """
    first = relation.first(program)
    if (second := relation.derive(first)) is None:
        return False
    try:
        masks = run(first)
    except NotOffered:
        return False
    _assert_follows(relation, first, second, masks, run)
    return bool(masks)


def programs_of(program: Program) -> tuple[Program, Program] | None:
    """Return the two programs that a program with a relation stands for; None if there is no second one."""
    relation, alone = RELATIONS[program.relation], replace(program, relation="")
    first = relation.first(alone)
    second = relation.derive(first)
    return None if second is None else (first, second)


def assert_follows(program: Program, run: Callable[[Program], Trace]) -> None:
    """Assert that the masks of the second program follow from those of the first.

    What the first violates by itself is left to programs without a relation.

    Args:
        program: A program with a relation.
        run: Runs a program, and returns its masks.

    Raises:
        NotOffered: The sparsifier refuses the first plan.
        Violation: The masks do not belong together (`differs-if-NAME`), or the second program fails by itself.
    """
    if (programs := programs_of(program)) is None:
        return
    try:
        masks = run(programs[0])
    except Violation:
        return
    _assert_follows(RELATIONS[program.relation], *programs, masks, run)


def _assert_follows(
    relation: Relation, first: Program, second: Program, masks: Trace, run: Callable[[Program], Trace]
) -> None:
    kind, where = f"differs-if-{relation.name}", f"{plan_in_words(first)}; if {relation.change}"
    try:
        seen = run(second)[relation.updates - 1::relation.updates]
    except NotOffered as refusal:
        raise Violation(kind, f"{where}, the plan is refused: {refusal}") from refusal
    except Violation as violation:
        raise Violation(violation.kind, f"{where}, {violation.message}") from violation
    counts = f"{where}, there are masks of {len(seen)} updates, expected {len(masks)}"
    require(len(seen) == len(masks), kind, counts)
    for number, (before, after) in enumerate(zip(masks, seen, strict=True), 1):
        for name, mask in relation.expected(before, first, second).items():
            compare.assert_equal(after[name], mask, kind, f"{where}, mask of {name} after update {number}")


def plan_in_words(program: Program) -> str:
    """Return a plan in words: `unstructured of layer1.weight (linear)`."""
    kinds = {one.name: program.layer_of(one.name) for one in program.plan}
    parts = (f"{one.pattern} of {one.name}{f' ({layer.kind})' if (layer := kinds[one.name]) else ''}"
             for one in program.plan)
    return ", ".join(parts) + (", ranked together" if program.scope == "all" else "")
