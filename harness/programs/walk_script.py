"""The script of a cell that is a program: its steps up to the failing one, and the statement that fails."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator

from msgspec.structs import replace

from ..oracle.tolerance import tolerance
from ..trials.trial import Trial
from ..values.program import Program
from ..values.program_json import AnyProgram
from ..values.steps import Attach, Parametrize, Step, Train
from . import mask_checks as mask
from . import statements
from .build import input_shape, taken_shape
from .corpus import corpus
from .fill import fill
from .judging import offer_to
from .lives import Item, NoProgram
from .offer import Offer, probe
from .render_steps import Exact, StepLines
from .script_lines import ScriptLines
from .targets import TARGETS

_MESSAGE = re.compile(
    r"(?:(?P<pattern>\w+) on [\w-]+ \([\w.]+\): )?(?:step (?P<step>\d+), [^:]*: )?(?P<says>.*)", re.DOTALL
)
DIFFERS = re.compile(
    r"(?P<what>.+?) of shape \(.*?\) differs at .*?, first at \((?P<at>[\d, ]*)\): expected (?P<expected>\S+?), seen "
)
REFUSED = "refused"
"""The kind of violation of a plan that is refused though all that it is made of is taken."""

_FLAG = re.compile(r"(?P<flag>requires_grad|training) of (?P<name>.+) is \w+, expected (?P<expected>True|False)")
_HOOK = re.compile(r"the user's (?P<name>.+) ran \d+ times in one forward, expected (?P<expected>\d+)")


def walk_script(trial: Trial, kind: str, message: str) -> tuple[ScriptLines, list[str]]:
    """Return the lines of a failing program, and those that show its failure.

    Args:
        trial: The cell.
        kind: The kind of the violation, or the type of the exception.
        message: The message of its record.

    Raises:
        NoProgram: The failure cannot be shown by a script.
    """
    found = parsed(kind, message)
    program = _program(trial, found["pattern"])
    program = replace(program, steps=steps_until_failure(program, kind, found["step"]))
    items, ending = _MaskEnding(trial, program, kind, found["says"]).parts()
    return ScriptLines(program, items, trial.contract), ending


def parsed(kind: str, message: str) -> re.Match[str]:
    """Return the parts of the message of a violation: `pattern`, `step` and what it `says`."""
    found = _MESSAGE.match(message.removeprefix(f"{kind}: "))
    assert found is not None  # every part may be empty
    return found


def steps_until_failure(program: AnyProgram, kind: str, number: str | None) -> tuple[Step, ...]:
    """Return the steps of a program up to the one that fails; a refusal of the plan may come with the first update.

    Args:
        program: The program.
        kind: The kind of the violation.
        number: The number of the failing step, if the message names one.
    """
    last = int(number or len(program.steps))
    if kind == REFUSED and number is None:
        last = 1 + [isinstance(one, Attach) for one in program.steps].index(True)
    return program.steps[:last]


def _program(trial: Trial, pattern: str | None) -> Program:
    if trial.cell.requirement == "WALK-01":
        return fill(corpus()[trial.cell.layer], offer_to(trial))
    offer = Offer(trial.declaration, {}, {})
    return probe(offer, TARGETS[trial.cell.layer], pattern or "unstructured")


def no_script(trial: Trial, why: str) -> NoProgram:
    """Return the error for a failure that no script can show."""
    hint = f"`sparsecheck explore {trial.cell.sparsifier} --program {trial.cell.layer}` shows its steps."
    return NoProgram(f"there is no script for {trial.cell.id}: {why}", hint)


class Ending(ABC):
    """How the failure of one program is shown.

    Args:
        trial: The cell.
        program: The program, up to the failing step.
        kind: The kind of the violation.
        says: Its message.
    """

    def __init__(self, trial: Trial, program: AnyProgram, kind: str, says: str) -> None:
        self._trial, self._all, self._kind, self._says = trial, program, kind, says
        self._steps = StepLines(program, trial.contract.holds, Exact())
        for step in program.steps:  # so that it knows where dense weights are after them
            list(self._steps.step(step))

    def parts(self) -> tuple[tuple[Item, ...], list[str]]:
        """Return the steps with checks, and further lines."""
        steps: tuple[Item, ...] = self._all.steps
        return (steps[:-1] if self._kind in ("not-refused", REFUSED) else steps), [*self._lines()]

    def _lines(self) -> Iterator[str]:
        if self._kind == "refusal-by-accident":
            return  # the error of the last step says it
        if self._kind == "crashed" or re.match(r"[A-Z]\w*$", self._kind):
            yield "model(inputs)"
        elif self._kind in ("not-refused", REFUSED):
            yield from self._refusal()
        elif differs := DIFFERS.match(self._says):
            at = differs["at"].rstrip(",") or "()"
            yield from self._compared(f"{self._expression(differs['what'])}[{at}]", differs["expected"])
        elif flag := _FLAG.match(self._says):
            place = self._place(flag["name"]) if flag["flag"] == "requires_grad" else _module(flag["name"])
            yield f"seen = {place}.{flag['flag']}"
            yield from asserted(f"{flag['flag']} of {flag['name']}", flag["expected"])
        elif hook := _HOOK.match(self._says):
            yield from ("calls.clear()", "model.state_dict()", "with torch.no_grad():", "    model(inputs)")
            yield f'seen = calls.count("{hook["name"]}")'
            yield from asserted(f"calls of the {hook['name']}", hook["expected"])
        elif self._kind == "final-differs":
            yield 'plain = make_model("dense")'
            for step in self._all.steps:
                if isinstance(step, Parametrize):
                    yield from (line.replace("model.", "plain.") for line in self._steps.step(step))
            yield "names = [{*one.state_dict(), *dict(one.named_buffers())} for one in (model, plain)]"
            yield "wrong = sorted(names[0] ^ names[1])"
            yield 'assert not wrong, f"tensors too many or too few: expected none, seen {wrong}"'
        else:
            raise no_script(self._trial, f"{self._kind} is not shown by one statement about tensors")

    def _refusal(self) -> Iterator[str]:
        """Yield the last step, which is refused and must not be, or the other way round."""
        last = self._all.steps[-1]
        yield "try:"
        yield from (f"    {line}" for line in StepLines(self._all, self._trial.contract.holds).step(last))
        if isinstance(last, Attach):
            yield "    sparsified.update()"
        if self._kind == REFUSED:
            yield from ("except Exception as error:",
                        '    raise AssertionError(f"expected no error, seen {error}") from error')
            return
        yield from ("except Exception:", "    pass", "else:")
        yield '    raise AssertionError("expected an error, seen none")'

    def _compared(self, expression: str, expected: str) -> Iterator[str]:
        bound, wider = tolerance("cpu", self._all.dtype), statements.AFTER_TRAINING if self._trains else 1
        scale = 1 if expected in ("True", "False", "nan", "inf", "-inf") else max(1.0, abs(float(expected)))
        value = f'float("{expected}")' if expected in ("nan", "inf", "-inf") else expected
        yield f"seen = {expression}.double()"
        yield f"expected = torch.tensor({value}, dtype=torch.float64)"
        limits = f"rtol={bound.relative * wider}, atol={bound.absolute * scale * wider}"
        yield f"same = torch.isclose(seen, expected, {limits}, equal_nan=True)"
        yield 'assert same, f"expected {expected}, seen {seen}"'

    @property
    def _trains(self) -> bool:
        return any(isinstance(step, Train) for step in self._all.steps)

    def _expression(self, what: str) -> str:
        """Return the expression for the subject of a message."""
        if name := re.fullmatch(r"mask of (.+)", what):
            return f'sparsified.masks()["{name[1]}"]'
        if name := re.fullmatch(r"gradient of (.+)", what):
            return f"{self._place(name[1])}.grad"
        if batch := re.fullmatch(r"output for a batch of (\d+)", what):
            return f'model(make_inputs("forward", {batch[1]}))'
        if name := re.fullmatch(r"output of (.+) called by itself", what):
            return self._called(name[1])
        if what in ("output", "output of the final model", "output of the final model after training"):
            return "model(inputs)"
        if what == "output of the copy":
            return "copy.deepcopy(model)(inputs)"
        if what == "output of functional_call":
            return "torch.func.functional_call(model, dict(model.named_parameters()), (inputs,))"
        if name := re.fullmatch(r"(.+) of the final model", what):
            return f'model.get_parameter("{name[1]}")'
        return self._place(what.removeprefix("dense weight of "))

    @abstractmethod
    def _called(self, name: str) -> str:
        """Return the expression for the output of a layer called by itself."""

    def _place(self, name: str) -> str:
        if any(one.name == name for one in self._all.plan):
            return self._steps.dense(name)
        return f"model.{name}"


class _MaskEnding(Ending):
    """How the failure of a program of the mask profile is shown."""

    def __init__(self, trial: Trial, program: Program, kind: str, says: str) -> None:
        super().__init__(trial, program, kind, says)
        self._program = program

    def parts(self) -> tuple[tuple[Item, ...], list[str]]:
        steps: tuple[Item, ...] = self._program.steps
        together = self._program.scope == "all"
        if self._kind in ("count-differs", "unit-broken"):
            return (*steps, *((mask.counts_together,) if together else (mask.counts, mask.whole_units))), []
        if self._kind == "kept-differs":
            check = mask.highest_kept_together if together else mask.highest_kept
            return (*steps[:-1], mask.get_scored, steps[-1], check), []
        if self._kind in ("mask-form", "mask-missing"):
            return (*steps, mask.masks_form), []
        return super().parts()

    def _called(self, name: str) -> str:
        layer = next(one for one in self._program.layers if one.name == name)
        shape = (3, *taken_shape(layer, self._program, input_shape(self._program))[0])
        below = layer.inputs if layer.kind == "embedding" else 0
        return f"model.{name}({Exact().layer_inputs(shape, below, self._program.dtype)})"


def asserted(what: str, expected: str) -> Iterator[str]:
    """Yield the line that compares `seen` with an expected value."""
    yield f'assert seen == {expected}, f"{what}: expected {expected}, seen {{seen}}"'


def _module(name: str) -> str:
    return "model" if name == "the model" else f"model.{name}"
