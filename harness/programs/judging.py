"""Judge a sparsifier by a program of the corpus, and by every kind of parameter that a plan can name."""

from __future__ import annotations

import warnings

from ..trials.trial import Trial
from ..values.comparisons import note
from ..values.program import Program
from ..values.violation import Violation, require
from .corpus import corpus
from .fill import fill, filled_slots
from .known import Asked, Known
from .offer import PATTERNS, Offer, offer_of, probe, tried
from .offered import new_pairs
from .related import Trace, TracedWalk, assert_related, first_programs, plan_in_words
from .relations import RELATIONS
from .taking import NotOffered
from .targets import TARGETS
from .walk import Walk


def judge_program(trial: Trial) -> None:
    """Run the program of a cell, filled from what the sparsifier offers.

    Raises:
        Violation: A statement does not hold after a step; or nothing is offered (`nothing-offered`), or a declared
            pattern of a declared layer is refused under a condition (`refused`).
    """
    known = _offering(trial)
    skeleton = corpus()[trial.cell.layer]
    program = fill(skeleton, known.offer)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of a user's backward hooks where no input has a gradient
            run_program(trial, program)
    except NotOffered as refusal:
        declared = all(
            TARGETS[one.target].capability and one.removal.dim < 2
            for one in filled_slots(skeleton, known.offer) if one.removal
        )
        message = f"the plan {plan_in_words(program)} is refused, though each part of it is declared: {refusal}"
        require(not declared, "refused", message)
    trial.covers = known.added[trial.cell.layer], known.possible


def judge_target(trial: Trial) -> None:
    """Try out every pattern on one kind of parameter.

    Raises:
        Violation: A plan is neither carried out nor refused on purpose; the kind is that of the statement that fails.
    """
    name, offer = trial.cell.layer, Offer(trial.declaration, {}, {})
    for pattern in PATTERNS:
        violation = tried(lambda program: run_program(trial, program), offer, name, pattern)
        if isinstance(violation, Violation):
            message = f"{pattern} on {name} ({TARGETS[name].parameter}): {violation.message}"
            raise Violation(violation.kind, message) from violation
        require(True, "refused", f"{pattern} on {probe(offer, TARGETS[name], pattern).plan[0].name}")


def judge_relation(trial: Trial) -> None:
    """Run pairs of programs, and compare the masks of the second with those that follow from the first.

    Raises:
        Violation: Masks do not belong together (`differs-if-NAME`), a program fails by itself, or an invariance is
            declared of which no offered layer and pattern can show anything (`invariance-misfits`).
    """
    offer, relation = _offering(trial).offer, RELATIONS[trial.cell.layer]
    compared = False
    if not relation.needs or offer.has(relation.needs):
        compared = any([assert_related(relation, one, lambda program: _trace(trial, program))
                        for one in first_programs(offer)])
    if relation.name in trial.contract.declared_invariances:
        what = f"nothing that is offered can show that masks are the same if {relation.change}; do not declare it"
        require(compared, "invariance-misfits", f"invariances={trial.contract.invariances!r} is declared, but {what}")
    note(f"the masks of two programs, where {relation.change}")


def _trace(trial: Trial, program: Program) -> Trace:
    """Return the masks of a program that is run from the same random state as any other.

    Raises:
        CannotJudge: The dense model fails in a step.
    """
    trial.guard.seed()
    walk = TracedWalk(program, trial.adapter, trial.declaration, trial.guard, trial.device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = walk.traced()
    walk.check_whole()
    return trace


def _offering(trial: Trial) -> Known[Offer]:
    """Return what is known about the adapter of a trial.

    Raises:
        Violation: It offers nothing (`nothing-offered`).
    """
    known = know(trial.adapter, trial.declaration)
    advice = "but every plan for one of its declared layers and patterns is refused; declare them unsupported"
    require(bool(known.offer.patterns), "nothing-offered", f"{trial.cell.sparsifier} attaches, {advice}")
    return known


def run_program(trial: Trial, program: Program) -> None:
    """Run a program against the sparsifier of a cell.

    Raises:
        Violation: A statement does not hold after a step.
        NotOffered: The sparsifier refuses the plan.
        CannotJudge: The dense model fails in a step, so that nothing is known of the sparsifier from there on.
    """
    walk = Walk(program, trial.adapter, trial.declaration, trial.guard, trial.device)
    walk.run()
    walk.check_whole()


def offer_to(trial: Trial) -> Offer:
    """Return what the sparsifier of a cell offers."""
    return know(trial.adapter, trial.declaration).offer


know = Asked(offer_of, lambda offer: new_pairs(corpus(), offer), most=32).know
"""Return what an adapter offers, found out by the first cell of a process."""
