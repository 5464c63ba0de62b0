"""The script of a cell that is a structural program: its steps up to the failing one, and the statement that fails."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from msgspec.structs import replace
from torch import Tensor

from ...oracle.ranking import SLACK
from ...trials.trial import Trial
from ...values.contract import Contract
from ...values.steps import SaveAndRestore, Step, Update, WriteWeights
from ...values.structural_program import StructuralProgram
from ..corpus import structural_corpus
from ..lives import Check, Item
from ..render import layer_flag_lines, plan_lines
from ..render_steps import Exact
from ..script_lines import SCORES, definitions, real_inputs
from ..walk_script import Ending, asserted, no_script, parsed, steps_until_failure
from . import channel_checks as channels
from .fill import fill
from .judging import offer_to
from .network import output_shape
from .probing import probe_of
from .render import ChannelStepLines, Places, class_lines
from .walk import StructuralWalk

_SHAPE = re.compile(
    r"(?P<name>\S+) has shape (?:\(.*?\)|None), expected (?P<expected>\(.*?\)|(?P<inputs>\d+) input channels and "
    r"windows (?P<windows>\(.*?\)))"
)
_COUNT = re.compile(
    r"the update of (?P<names>.+?)(?: together)? removes \d+ of (?P<all>\d+) units, expected (?P<gone>\d+)"
)
_COST = re.compile(r"the model has \d+ parameters, expected (?P<expected>\d+)")
_MISSING = re.compile(r"the model has no parameter (?P<names>.+)")


_CHECKS: dict[str, tuple[Check, ...]] = {
    "kept-differs": (channels.get_before, channels.highest_channels_kept),
    "ties-differ": (channels.get_before, channels.tied_channels_by_index),
    "entry-differs": (channels.get_before, channels.rows_in_order),
    "aliased": (channels.get_donor, channels.restored_apart),
    "not-plain": (channels.modules_plain,),
}
"""By kind of violation, the checks that show it."""


def walk_script(trial: Trial, kind: str, message: str) -> tuple[ChannelScript, list[str]]:
    """Return the lines of a failing structural program, and those that show its failure.

    Args:
        trial: The cell, of WALK-04 or WALK-05.
        kind: The kind of the violation, or the type of the exception.
        message: The message of its record.

    Raises:
        NoProgram: The failure cannot be shown by a script.
    """
    if kind == "nothing-offered":
        raise no_script(trial, "no plan is taken")
    found = parsed(kind, message)
    program = _program(trial)
    taken = Taken(replace(program, steps=steps_until_failure(program, kind, found["step"])), trial)
    program = replace(program, steps=tuple(taken.steps))
    ending = _ChannelEnding(trial, program, kind, found["says"])
    items, lines = ending.parts()
    checks = [one for one in items if callable(one)]
    steps = tuple(one for one in items if not callable(one))
    return ChannelScript(replace(program, steps=steps), taken.written, checks, trial.contract, ending), lines


def _program(trial: Trial) -> StructuralProgram:
    offer, value = offer_to(trial), trial.cell.layer
    if trial.cell.requirement == "WALK-04":
        return fill(structural_corpus()[value], offer)
    kind, _, form = value.partition("-")
    return probe_of(offer, kind, form)


class Taken(StructuralWalk):
    """A run that notes which steps are taken, and which channels remain where weights are written.

    A script has no steps that a walk skips, for reasons that only its twin knows.

    Attributes:
        steps: The steps that are taken, up to the failing one.
        written: By step that writes weights, by name, the rows and columns of the dense weight that remain then.

    Args:
        program: The program, up to the failing step.
        trial: The cell.
    """

    def __init__(self, program: StructuralProgram, trial: Trial) -> None:
        super().__init__(program, trial.adapter, trial.declaration, trial.guard, trial.device)
        self.steps: list[Step] = []
        self.written: list[dict[str, Places]] = []
        with warnings.catch_warnings(), suppress(Exception):  # the failure that the script is about
            warnings.simplefilter("ignore")
            self.run()

    def _take(self, step: Step) -> None:
        skipped = len(self.skipped)
        self.steps.append(step)
        if isinstance(step, WriteWeights):
            self.written.append({})
        super()._take(step)
        reasons = self.skipped[skipped:]
        if isinstance(step, Update) and any("a level of this type raises" in one for one in reasons):
            self.steps[-1] = replace(step, type="float")
        elif reasons and not isinstance(step, SaveAndRestore):
            self.steps.pop()

    def new_values(self, name: str) -> Tensor:
        rows, columns = self.twin.places(name)
        self.written[-1][name] = np.flatnonzero(rows).tolist(), np.flatnonzero(columns).tolist()
        return super().new_values(name)


class ChannelScript:
    """The lines of the script of one structural program.

    Attributes:
        program: The program.
        checks: The functions that are called: `get_NAME` sets a variable before the last step, others come after.

    Args:
        program: The program.
        written: By step that writes weights, which rows and columns of the dense weights remain then.
        checks: The functions that are called.
        contract: The declared contract.
        ending: How the failure is shown.
    """

    def __init__(
        self, program: StructuralProgram, written: list[dict[str, Places]], checks: list[Check], contract: Contract,
        ending: _ChannelEnding,
    ) -> None:
        self.program, self.checks, self._names, self._size = program, checks, ending.names, ending.together
        self._written, self._contract = written, contract

    def lines(self, with_context: bool = True) -> list[str]:
        """Return all lines, without a context if the adapter needs none."""
        program, life = self.program, [*self._life()]
        needed = with_context or any("make_batches(" in line for line in life)
        made = definitions(
            program.dtype, self._model(), real_inputs(program.input_shape), (3, *output_shape(program)),
            with_batches=needed, with_context=with_context,
        )
        return [*class_lines(program), "", "", *made, *self._setup(), *life]

    def _model(self) -> Iterator[str]:
        program = self.program
        kinds = {one.name: program.values for one in program.plan if one.name in program.shapes}
        norms = [layer.name for layer in program.layers if layer.kind in ("norm", "norm2d")]
        yield "def make_model(salt):"
        yield f"    model = Model().to(torch.{program.dtype})"
        yield "    for name, weight in model.named_parameters():"
        yield "        shape = tuple(weight.shape)"
        yield f'        values = draw(f"{{salt}} {{name}}", shape, "{program.values}", "{program.dtype}")'
        yield f"        if name not in {[*kinds]}:"
        yield '            values = reals(f"{salt} {name}", shape) / math.prod(shape[1:]) ** 0.5'
        yield "        weight.data = torch.tensor(values, dtype=weight.dtype)"
        if norms:
            yield f"    for name in {norms}:"
            yield f'        learn(model.get_submodule(name), f"{{salt}} {{name}}", torch.{program.dtype})'
        yield from (f"    {line}" for line in layer_flag_lines(program))
        yield "    return model"

    def _setup(self) -> Iterator[str]:
        yield 'model = make_model("dense")'
        yield from plan_lines(self.program, exact=True)
        yield 'inputs = make_inputs("probe")'
        yield "context = make_context()"
        used = {name for one in self.checks for name in inspect.signature(one).parameters}
        if "plain" in used:
            yield 'plain = make_model("dense")'
        if "score" in used:
            yield from ("", "", "def score(weight):", f"    return {SCORES[self._contract.score]}", "", "")

    def _life(self) -> Iterator[str]:
        steps = ChannelStepLines(self.program, Exact(), self._written)
        looks = any(layer.kind in ("norm", "norm2d") for layer in self.program.layers)
        last = len(self.program.steps) - 1
        for number, step in enumerate(self.program.steps):
            if number == last:
                yield from (self._call(one) for one in self.checks if one.__name__.startswith("get_"))
            yield from steps.line(step)
            if looks and number < last:
                yield from ("with torch.no_grad():", "    model(inputs)")
        yield from (self._call(one) for one in self.checks if not one.__name__.startswith("get_"))

    def _call(self, check: Check) -> str:
        literals = {
            "names": repr(self._names), "slack": repr(SLACK[self.program.dtype]),
            "size": repr(self._size), "keeps_last": repr(self._contract.ties == "highest index"),
        }
        given = [literals.get(name, name) for name in inspect.signature(check).parameters]
        name = check.__name__
        variable = f"{name.removeprefix('get_')} = " if name.startswith("get_") else ""
        return f"{variable}{name}({', '.join(given)})"


class _ChannelEnding(Ending):
    """How the failure of a structural program is shown."""

    def __init__(self, trial: Trial, program: StructuralProgram, kind: str, says: str) -> None:
        super().__init__(trial, program, kind, says)
        self._program = program

    def parts(self) -> tuple[tuple[Item, ...], list[str]]:
        if self.together:
            return (*self._program.steps, channels.get_before, channels.channels_together), []
        is_about_rows = self._kind != "entry-differs" or self._says.startswith(("row ", "entry "))
        checks = _CHECKS.get(self._kind) if is_about_rows else None
        return ((*self._program.steps, *checks), []) if checks else super().parts()

    @property
    def together(self) -> int:
        """Return how many channels go together, if the message says that an update parts them; otherwise 0."""
        found = re.search(r"keeps \d+ of (\d+) channels that go together", self._says)
        return int(found[1]) if found else 0

    @property
    def names(self) -> list[str]:
        """Return the planned weights that the message is about; all if it names none."""
        found = re.match(r"the update of (.+?)(?: together)? (?:removes|keeps)", self._says)
        planned = [one.name for one in self._program.plan if one.name in self._program.shapes]
        return found[1].split(" and ") if found else planned

    def _lines(self) -> Iterator[str]:
        self._says = self._says.removeprefix("after the update: ")
        if shape := _SHAPE.match(self._says):
            seen = f'tuple(dict(model.named_parameters())["{shape["name"]}"].shape)'
            expected = f"({shape['inputs']}, *{shape['windows']})" if shape["inputs"] else shape["expected"]
            yield f"seen = {seen}{'[1:]' if shape['inputs'] else ''}"
            yield from asserted(f"shape of {shape['name']}", expected)
        elif count := _COUNT.match(self._says):
            rows = " + ".join(f'len(model.get_parameter("{name}"))' for name in count["names"].split(" and "))
            yield f"seen = {count['all']} - ({rows})"
            yield from asserted("channels removed", count["gone"])
        elif cost := _COST.match(self._says):
            yield "seen = sum(one.numel() for one in model.parameters())"
            yield from asserted("entries of all parameters", cost["expected"])
        elif missing := _MISSING.match(self._says):
            names = missing["names"].split(", ")
            yield f"seen = [name for name in {names} if name not in dict(model.named_parameters())]"
            yield from asserted("missing parameters", "[]")
        elif self._kind == "protocol-broken" and self._says.startswith("masks() returns"):
            yield "seen = [*sparsified.masks()]"
            yield from asserted("masks", "[]")
        else:
            yield from super()._lines()

    def _called(self, name: str) -> str:
        return ChannelStepLines(self._program, Exact()).called(name)
