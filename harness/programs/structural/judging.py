"""Judge a sparsifier that removes channels: by a program of the corpus, and by all that may follow a kind of layer."""

from __future__ import annotations

import warnings

from ...adapter.protocol import Adapter
from ...process.guard import Guard
from ...trials.trial import Trial
from ...values.declaration import Declaration
from ...values.structural_program import StructuralProgram
from ...values.violation import Violation, require
from ..corpus import structural_corpus
from ..known import Asked
from ..taking import NotOffered
from .fill import fill
from .offer import StructuralOffer
from .offered import new_pairs
from .probing import probed
from .walk import StructuralWalk


def judge_program(trial: Trial) -> None:
    """Run the program of a cell, filled from what the sparsifier offers.

    Raises:
        Violation: A statement does not hold after a step; or nothing is offered (`nothing-offered`), or a plan is
            refused though all that it is made of is taken (`refused`).
        CannotJudge: The dense model fails in a step.
    """
    known = _know(trial.adapter, trial.declaration)
    advice = "but every plan for one of its declared layers is refused; declare them unsupported"
    require(bool(known.offer.patterns), "nothing-offered", f"{trial.cell.sparsifier} attaches, {advice}")
    program = fill(structural_corpus()[trial.cell.layer], known.offer)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of a user's backward hooks where no input has a gradient
            walk = StructuralWalk(program, trial.adapter, trial.declaration, trial.guard, trial.device)
            walk.run()
    except NotOffered as refusal:
        names = ", ".join(one.name for one in program.plan)
        message = f"the plan for {names} is refused, though each part of the network is taken: {refusal}"
        raise Violation("refused", message) from refusal
    walk.check_whole()
    trial.covers = known.added[trial.cell.layer], known.possible


def judge_form(trial: Trial) -> None:
    """Look up how the sparsifier has taken one kind of layer with one thing that depends on its channels.

    Raises:
        Violation: The plan was neither carried out nor refused on purpose; of the kind of the statement that fails.
    """
    kind, _, form = trial.cell.layer.partition("-")
    violation = _know(trial.adapter, trial.declaration).offer.broken.get((kind, form))
    if violation is not None:
        raise Violation(violation.kind, violation.message) from violation
    require(True, "refused", f"{form} after {kind}")


def offer_to(trial: Trial) -> StructuralOffer:
    """Return what the sparsifier of a cell offers."""
    return _know(trial.adapter, trial.declaration).offer


def _offer_of(adapter: Adapter, declaration: Declaration) -> StructuralOffer:
    """Find out what an adapter takes."""

    def run(program: StructuralProgram) -> None:
        StructuralWalk(program, adapter, declaration, Guard()).run()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return probed(declaration, run, keeps_broken=True)


_know = Asked(_offer_of, lambda offer: new_pairs(structural_corpus(), offer), most=4).know
