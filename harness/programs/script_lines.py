"""Render a program, with checks between and after its steps, as lines of a script with the program's numbers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Iterator
from itertools import count as counted
from typing import Protocol

from ..oracle.ranking import SLACK
from ..oracle.tolerance import tolerance
from ..oracle.units import fixed_mask, units
from ..values.contract import Contract
from ..values.pattern import Pattern
from ..values.program import Program
from ..values.steps import Attach, Update
from . import build
from .lives import Check, Item, NoProgram
from .render import flag_lines, network_lines, plan_lines
from .render_steps import Exact, StepLines

_FUNCTIONS: dict[str, tuple[str, ...]] = {
    "attach": (
        "def attach(model=None, plan=plan):",
        '    return adapter.attach(make_model("dense") if model is None else model, plan, context)',
    ),
    "sparsify": (
        "def sparsify(training=True):",
        '    sparsified = adapter.attach(make_model("dense").train(training), plan, context)',
        "    sparsified.update()",
        "    return sparsified",
    ),
    "restore": (
        "def restore(saved, model=None):",
        '    sparsified = adapter.restore(make_model("other") if model is None else model, plan, saved, context)',
        "    sparsified.update()  # the saved state has no masks",
        "    return sparsified",
    ),
}
SCORES = {"magnitude-l1": "weight.abs()", "magnitude-l2": "weight.square()"}
"""By declared score, the expression for the score of each entry."""


class Lines(Protocol):
    """The lines of a script.

    Attributes:
        checks: The functions that the lines call.
    """

    @property
    def checks(self) -> list[Check]: ...

    def lines(self, with_context: bool = True) -> list[str]:
        """Return all lines, without a context if the adapter needs none."""


def definitions(
    dtype: str, model: Iterable[str], inputs: Iterable[str], target: tuple[int, ...], *, with_batches: bool,
    with_context: bool,
) -> Iterator[str]:
    """Yield the functions of a script that make the model, its inputs, batches and context.

    Args:
        dtype: The dtype of the model.
        model: The lines of the function that makes the model.
        inputs: Those of the function that makes inputs.
        target: The shape of the target of a batch.
        with_batches: Whether batches are needed.
        with_context: Whether the adapter uses its context.
    """
    yield f"DTYPE = torch.{dtype}"
    yield from ("", "", *model, "", "", *inputs)
    if with_batches:
        made = f'torch.tensor(reals(f"{{name}} target", {target}), dtype=DTYPE)'
        yield from ("", "", "def make_batches(count, salt):")
        yield '    names = [f"{salt} batch {number}" for number in range(count)]'
        yield f"    return [(make_inputs(name), {made}) for name in names]"
    yield from ("", "", "def make_context():")
    if with_context:
        yield '    batches = tuple(make_batches(2, "calibration"))'
        yield '    return Context(make_inputs("example"), batches, torch.device("cpu"), DTYPE)'
    else:
        yield "    return None  # the adapter does not use it"
    yield from ("", "")


def real_inputs(shape: tuple[int, ...]) -> Iterator[str]:
    """Yield the function that makes inputs of random numbers, each of a shape."""
    sizes = "".join(f", {size}" for size in shape)
    yield "def make_inputs(salt, batch=3):"
    yield f'    return torch.tensor(reals(f"{{salt}} input", (batch{sizes})), dtype=DTYPE)'


class ScriptLines:
    """The lines of one script.

    Attributes:
        checks: The functions that the lines call.

    Args:
        program: The program.
        items: Its steps, and checks.
        contract: The declared contract.
        words: The words of which a refusal must name one.
        forgives: Whether the last check may raise anything but an `AssertionError`.
    """

    def __init__(
        self, program: Program, items: Iterable[Item], contract: Contract, words: Iterable[str] = (),
        forgives: bool = False,
    ) -> None:
        self.program = program
        self.contract = contract
        self.items = tuple(one for one in items if not callable(one) or self._has_meaning(one))
        self.words = tuple(words)
        self._forgives = forgives
        self.checks = [one for one in self.items if callable(one)]
        self._renews = contract.mask_storage == "nowhere" and contract.masks_at == "update"
        self._steps = StepLines(program, contract.holds, Exact(), self._renews)
        self._used = {name for check in self.checks for name in inspect.signature(check).parameters}
        self._removed = dict.fromkeys(self._patterns, 0)
        self._is_fresh = True

    def _has_meaning(self, check: Check) -> bool:
        """Return whether a check has a meaning under the contract: scores and ties can be opaque."""
        names = inspect.signature(check).parameters
        ranks, ties = self.contract.ranks_by_magnitude, self.contract.ties != "any"
        return ("score" not in names or ranks) and ("keeps_last" not in names or ties)

    def lines(self, with_context: bool = True) -> list[str]:
        """Return all lines, without a context if the adapter needs none."""
        rest = [*self._life()]
        needed = with_context or "batches" in self._used or any("make_batches(" in line for line in rest)
        return [*self._definitions(needed, with_context), *self._setup(), *rest]

    # ----------------------------------------------------------------- the model and its data

    def _definitions(self, with_batches: bool, with_context: bool) -> Iterator[str]:
        target = (3, *build.output_shape(self.program))
        return definitions(
            self.program.dtype, self._model(), self._inputs(), target,
            with_batches=with_batches, with_context=with_context,
        )

    def _setup(self) -> Iterator[str]:
        yield 'model = make_model("dense")'
        yield from plan_lines(self.program, exact=True)
        yield 'inputs = make_inputs("probe")'
        yield "context = make_context()"
        if "dense" in self._used and not any(isinstance(one, Attach) for one in self.items):
            yield "dense = copy.deepcopy(model)"
        if "fresh" in self._used:
            yield 'fresh = make_model("other")'
        if "batches" in self._used:
            yield 'batches = make_batches(2, "lesson")'
        for name, function in _FUNCTIONS.items():
            if name in self._used:
                yield from ("", "", *(line for line in function if self._renews or "no masks" not in line), "", "")
        if "score" in self._used:
            yield from ("", "", "def score(weight):", f"    return {SCORES[self.contract.score]}", "", "")

    def _model(self) -> Iterator[str]:
        program = self.program
        planned, shape = tuple(one.name for one in program.plan), "tuple(weight.shape)"
        drawn = f'distinct(f"{{salt}} {{name}}", {shape}, "{program.dtype}")'
        if program.values != "distinct":
            kind = f'"{program.values}" if name in {planned} else "distinct"'
            drawn = f'draw(f"{{salt}} {{name}}", {shape}, {kind}, "{program.dtype}")'
        yield "def make_model(salt):"
        yield from (f"    {line}" for line in network_lines(program))
        yield "    for name, weight in model.named_parameters():"
        yield f"        drawn = {drawn}"
        yield "        weight.data = torch.tensor(drawn, dtype=weight.dtype)"
        yield from (f"    {line}" for line in flag_lines(program))
        yield "    return model"

    def _inputs(self) -> Iterator[str]:
        program, shape = self.program, build.input_shape(self.program)
        sizes = "".join(f", {size}" for size in shape)
        if program.layers[0].kind == "embedding":
            yield "def make_inputs(salt, batch=3):"
            yield f'    return torch.tensor(integers(f"{{salt}} input", (batch{sizes}), {program.layers[0].inputs}))'
        elif program.memory == "expanded":
            yield "def make_inputs(salt, batch=3):"
            yield f'    one = torch.tensor(reals(f"{{salt}} input", (1{sizes})), dtype=DTYPE)'
            yield f"    return one.expand(batch{sizes})"
        else:
            yield from real_inputs(shape)

    # ----------------------------------------------------------------- steps and checks

    def _life(self) -> Iterator[str]:
        looks = not self.checks and any(layer.kind == "batchnorm" for layer in self.program.layers)
        for item, number in zip(self.items, counted()):
            if callable(item):
                yield from self._forgiven(item) if self._forgives and item is self.items[-1] else self._check(item)
                continue
            if isinstance(item, Attach) and "dense" in self._used:
                yield "dense = copy.deepcopy(model)"
            yield from self._steps.step(item)
            if isinstance(item, Update) and 0 <= (item.level or 0) <= 1:
                self._count(item.level)
            if looks and number < len(self.items) - 1 and not callable(self.items[number + 1]):
                yield from ("with torch.no_grad():", "    model(inputs)")

    def _check(self, check: Check) -> Iterator[str]:
        names = list(inspect.signature(check).parameters)
        if "trained" in names:
            places = (f'"{name}": {self._steps.dense(name)}' for name in self._patterns)
            yield f"trained = {{{', '.join(places)}}}"
        name, is_got = check.__name__.removeprefix("get_").partition("_by_")[0], check.__name__.startswith("get_")
        variable = f"{name} = " if is_got else ""
        yield f"{variable}{check.__name__}({', '.join(map(self._argument, names))})"

    def _forgiven(self, check: Check) -> Iterator[str]:
        yield from ("try:", *(f"    {line}" for line in self._check(check)))
        yield from ("except AssertionError:", "    raise", "except Exception:  # nothing is promised", "    pass")

    def _argument(self, name: str) -> str:
        literals = {
            "bound": lambda: repr(tolerance("cpu", self.program.dtype).relative),
            "slack": lambda: repr(self._slack),
            "removed": lambda: repr(self._counts()),
            "keeps_last": lambda: repr(self.contract.ties == "highest index"),
            "is_random": lambda: repr(self.contract.score == "random"),
            "words": lambda: repr(self.words),
        }
        return literals[name]() if name in literals else name

    # ----------------------------------------------------------------- counts

    @property
    def _patterns(self) -> dict[str, Pattern]:
        return dict(build.plan(self.program).patterns)

    @property
    def _slack(self) -> float:
        single = all(one.pattern == "unstructured" for one in self.program.plan)
        return 0.0 if single else SLACK[self.program.dtype]

    def _count(self, level: float | None) -> None:
        """Count the units that an update at a level removes."""
        plan = build.plan(self.program) if level is None else build.plan(self.program).at_level(level)
        shapes = self.program.shapes
        for name, pattern in plan.patterns.items():
            shape = shapes[name] if plan.scope == "each" else (sum(math.prod(shapes[one]) for one in plan.names),)
            if fixed_mask(pattern, shape) is None:
                gone = self._removed[name]
                if self._is_fresh and self.contract.masks_at == "attach":
                    gone = sum(units(self._patterns[name], shape, self.contract).removed)
                self._removed[name] = sum(units(pattern, shape, self.contract, gone).removed)
        self._is_fresh = False

    def _counts(self) -> dict[str, int]:
        """Return the number of entries that each mask must remove now, or one number for all of them together."""
        shapes, counts = self.program.shapes, dict[str, int]()
        for name, pattern in self._patterns.items():
            stated = fixed_mask(pattern, shapes[name])
            if stated is not None:
                counts[name] = int((~stated).sum())
            elif self.program.scope == "all":
                return {"all": self._removed[name]}
            else:
                cut = units(pattern, shapes[name], self.contract)
                size = {int((cut.index == unit).sum()) for unit in range(cut.count)}
                if len(size) != 1:
                    why = f"there is no script for blocks of {len(size) or 'no'} sizes"
                    raise NoProgram(why, "Run the cell itself.")
                counts[name] = self._removed[name] * size.pop()
        return counts
