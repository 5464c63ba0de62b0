"""Judge a sparsifier on a user's own model: each planned parameter by itself, then all that are taken together."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from ...adapter.discovery import Found
from ...oracle import compare
from ...process.guard import Guard
from ...programs import statements
from ...programs.taking import NotOffered, Skipped
from ...values.plan import Plan, Scope
from ...values.program import OptimizerKind
from ...values.steps import (
    Attach,
    Backward,
    CopyModel,
    Finalize,
    Forward,
    SaveAndRestore,
    SetMode,
    Step,
    Train,
    Update,
    WriteWeights,
)
from ...values.violation import Violation, require
from .channel_life import ChannelRun
from .fresh import restored_elsewhere
from .life import Life, OwnRun
from .messages import Answer
from .own_model import OwnModel
from .planning import Layer

_ONCE: tuple[Step, ...] = (Attach(), Update(), Forward())
_TRAINED: tuple[Step, ...] = (Attach(), Update(), Train(steps=3))
_EVALUATED: tuple[Step, ...] = (SetMode(train=False), Attach(), Update())

LIVES: dict[str, tuple[tuple[Step, ...], OptimizerKind]] = {
    "attach, update and forward": (_ONCE, "sgd"),
    "gradients of two backwards": ((*_ONCE, Backward(), Backward(zero="keep")), "sgd"),
    "three steps of SGD with momentum": (_TRAINED, "sgd"),
    "three steps of AdamW": (_TRAINED, "adamw"),
    "a second update, and a step more": ((*_TRAINED, Update(), Train(steps=1)), "sgd"),
    "an update to the level 0.9": ((*_TRAINED, Update(level=0.9), Train(steps=1)), "sgd"),
    "weights loaded from a state dict": ((*_TRAINED, WriteWeights(how="load_state_dict"), Train(steps=1)), "sgd"),
    "eval mode": ((*_TRAINED, SetMode(train=False), Forward()), "sgd"),
    "a copy of the model": ((*_TRAINED, CopyModel()), "sgd"),
    "save, restore and train on": ((*_TRAINED, SaveAndRestore(), Train(steps=1)), "sgd"),
    "finalize": ((*_TRAINED, Finalize()), "sgd"),
}
"""The lives of a whole plan, by what they show, with the kind of optimizer. After each step, masks, weights, outputs,
gradients, buffers and flags are compared with those of a dense model beside it."""

_RESTORED, _EXPORTED = "restore in a fresh process", "export of the final model"
_LEARNS = "gradients of a dense model with zeros for the channels"

STATEMENTS: tuple[str, ...] = (*LIVES, _RESTORED, _EXPORTED)
"""The statements about a whole plan."""

ALONE: tuple[Step, ...] = (Attach(), Update(), Train(steps=1), Finalize())
"""The life of a single parameter."""


class Judge:
    """Judges one sparsifier on one model.

    Args:
        found: The loaded adapter.
        own: The model.
        files: The adapter files, for another interpreter.
        begin: Called with each step of a life as it begins.
    """

    def __init__(
        self, found: Found, own: OwnModel, files: tuple[Path, ...], begin: Callable[[str], None] = lambda step: None
    ) -> None:
        self._found = found
        self._own = own
        self._files = files
        self._begin = begin
        self._shapes = {name: tuple(one.shape) for name, one in own.model.named_parameters()}

    @property
    def _is_structural(self) -> bool:
        return self._found.declaration.profile == "structural"

    @property
    def statements(self) -> tuple[str, ...]:
        """Return the statements about a whole plan that are judged of this sparsifier."""
        return (*STATEMENTS, _LEARNS) if self._is_structural else STATEMENTS

    def alone(self, layer: Layer) -> Answer:
        """Return what is found if one parameter is planned alone."""
        run = self._run(Plan({layer.name: layer.pattern}), ALONE)
        return _answer(layer.name.removeprefix(self._own.prefix), run, run.run, whole=False)

    def together(self, what: str, layers: Iterable[Layer], scope: Scope) -> Answer:
        """Return whether a statement holds if several parameters are planned.

        Args:
            what: The statement, one of `STATEMENTS`.
            layers: The parameters.
            scope: Whether a level counts over each, or over all.
        """
        plan = Plan({layer.name: layer.pattern for layer in layers}, scope)
        if what in LIVES:
            run = self._run(plan, *LIVES[what])
            return _answer(what, run, run.run)
        if what == _LEARNS:
            return self._more(plan, what, _assert_learns, _EVALUATED)
        return self._more(plan, what, self._restore if what == _RESTORED else self._export)

    def _run(self, plan: Plan, steps: tuple[Step, ...], optimizer: OptimizerKind = "sgd") -> OwnRun:
        life = Life(steps, self._shapes, str(self._own.dtype).removeprefix("torch."), optimizer)
        guard = Guard(draws=self._found.declaration.contract.score == "random")
        kind = ChannelRun if self._is_structural else OwnRun
        return kind(self._own, life, plan, self._found.adapter, self._found.declaration, guard, self._begin)

    def _more(
        self, plan: Plan, what: str, judge: Callable[[OwnRun], None], steps: tuple[Step, ...] = _TRAINED
    ) -> Answer:
        """Return what is found if something else is judged after some steps, mostly three of training."""
        run = self._run(plan, steps)

        def act() -> None:
            run.run()
            if not run.cut:
                judge(run)

        return _answer(what, run, act)

    def _restore(self, run: OwnRun) -> None:
        if not run.restores or run.contract.mask_storage == "nowhere":
            run.cut = "restore is not supported" if not run.restores else "masks are not saved, as declared"
            return
        saved = run.call(run.attached.save, "save")
        seen = restored_elsewhere(self._own, self._found.name, self._files, run.plan, saved, run.model.training)
        for name, mask in run.twin.reported().items():
            require(name in seen.masks, "mask-missing", f"in a fresh process: masks() has no mask for {name}")
            compare.assert_equal(seen.masks[name], mask, "mask-differs", f"in a fresh process: mask of {name}")
        with torch.no_grad():
            expected = run.twin.model(run.inputs())
        statements.assert_output(run, seen.output, expected, "in a fresh process: output")

    def _export(self, run: OwnRun) -> None:
        if not run.supports("finalize"):
            run.cut = "finalize is not supported"
            return
        try:
            _exported(self._own.fresh(), run.inputs())
        except Exception as error:
            run.cut = f"the dense model cannot be exported: {type(error).__name__}"
            return
        final = run.call(run.attached.finalize, "finalize")
        seen = run.call(lambda: _exported(final, run.inputs()), "torch.export of the final model")
        with torch.no_grad():
            statements.assert_output(run, seen, run.twin.model(run.inputs()), "output of the exported model")


def _assert_learns(run: OwnRun) -> None:
    assert isinstance(run, ChannelRun)
    try:
        run.assert_learns_as_masked()
    except Skipped as reason:
        run.cut = str(reason)


def _exported(model: torch.nn.Module, inputs: torch.Tensor) -> object:
    """Return the output of an exported model, saved and loaded."""
    program = torch.export.export(model, (inputs,))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file)
    with torch.no_grad():
        return loaded.module()(inputs) if hasattr(loaded, "module") else loaded(inputs)


def _answer(what: str, run: OwnRun, act: Callable[[], None], whole: bool = True) -> Answer:
    """Return what running something says.

    Args:
        what: What it shows.
        run: The run.
        act: Runs it.
        whole: Whether it holds only if no step was left out.
    """
    try:
        with run.guard.watch():
            act()
    except NotOffered as refusal:
        return Answer(what, "refuses", str(refusal))
    except Violation as violation:
        return Answer(what, "fails", f"{violation.kind}: {violation.message}")
    except Exception as error:
        return Answer(what, "fails", f"crashed: {type(error).__name__}: {error}")
    if run.cut:
        return Answer(what, "not judged", run.cut)
    left_out = "; ".join(run.skipped if whole else ())
    return Answer(what, "not judged" if left_out else "holds", left_out)
