"""Testing a refusal: what is declared unsupported must be refused, by name, with the model intact."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from torch import Tensor, nn

from ..adapter.protocol import Adapter, Refusal, Sparsified
from ..oracle import compare
from ..trials import tracing
from ..trials.modules import assert_same_modules, describe_modules
from ..trials.restoring import with_axes
from ..trials.trial import Trial
from ..values.plan import Plan
from ..values.violation import Violation, require

T = TypeVar("T")
RefusedBy = Literal["package", "adapter"]

_ACCIDENTS = (AttributeError, NameError, IndexError, ZeroDivisionError, RecursionError, MemoryError)
"""What no one raises to refuse something: code that went on where it should have looked first."""

_OWN = Path(__file__).parent.parent
_TORCH_CALLS = ("trace", "export", "compile")
OPERATIONS = ("reupdate", "relevel", "finalize", "restore", *_TORCH_CALLS)


def judge_refusal(trial: Trial, lacking: list[str]) -> RefusedBy:
    """Do what the sparsifier declares it cannot; it must raise, name it, and leave the model as it was.

    lacking: the unsupported capabilities of the cell. Returns who refused.

    Raises:
        Violation: `not-refused`, `refusal-unnamed`, `refusal-by-accident` or `refusal-harmed`.
    """
    planned = [name for name in lacking if name not in OPERATIONS]
    if planned == ["cpu"]:
        trial = with_axes(trial, device="cpu")  # of a cell that takes both, on the other
    if planned:
        return _refused_plan(trial, planned)
    sparsified = trial.sparsified()
    return _refused_call(trial, sparsified, lacking[0])


def judge_refused_plan(trial: Trial, model: nn.Module, plan: Plan, words: tuple[str, ...]) -> None:
    """Attach with `plan`, or else the update after it, raises, names one of `words`, and leaves `model`
    as it was before attach.

    Raises:
        Violation: `not-refused`, `refusal-unnamed` or `refusal-harmed`.
    """

    def attach_and_update() -> Sparsified:
        sparsified = trial.attach(model, plan)
        sparsified.update()
        return sparsified

    done = unless_refused(attach_and_update, model, words, "attach or update")
    message = f"attach and update went through; expected a refusal that names one of {', '.join(words)}"
    require(done is None, "not-refused", message)


def unless_refused(act: Callable[[], T], model: nn.Module, words: tuple[str, ...], call: str) -> T | None:
    """What `act` returns; None where it raises, names one of `words`, and leaves `model` as it was.

    Raises:
        Violation: `refusal-unnamed` or `refusal-harmed`.
    """
    state, build = _snapshot(model), describe_modules(model)
    try:
        return act()
    except Exception as error:
        _judge_named(error, words, call)
        _judge_unharmed(model, state, call)
        assert_same_modules(describe_modules(model), build, "refusal-harmed", f"the model after {call} refused")
        return None


def _refused_plan(trial: Trial, lacking: list[str]) -> RefusedBy:
    model: nn.Module = trial.dense_model()
    before = _snapshot(model)
    try:
        sparsified = trial.attach(model)
    except Exception as error:
        return _weigh(error, model, before, words_for(trial, lacking), trial.adapter, "attach")
    model, before = sparsified.model, _snapshot(sparsified.model)
    try:
        sparsified.update()
    except Exception as error:
        return _weigh(error, model, before, words_for(trial, lacking), trial.adapter, "update")
    raise _not_refused(lacking, "attach and update went through")


def _refused_call(trial: Trial, sparsified: Sparsified, lacking: str) -> RefusedBy:
    model, before = sparsified.model, _snapshot(sparsified.model)
    try:
        _CALLS[lacking](trial, sparsified)
    except Exception as error:
        if lacking in _TORCH_CALLS:
            _judge_unharmed(model, before, lacking)
            return "package"
        return _weigh(error, model, before, (lacking, *_SYNONYMS.get(lacking, ())), trial.adapter, lacking)
    raise _not_refused([lacking], f"{lacking} went through")


def _not_refused(lacking: list[str], seen: str) -> Violation:
    return Violation(
        "not-refused", f"{', '.join(lacking)} declared unsupported, but {seen}: declare it supported, or refuse it"
    )


def _weigh(
    error: Exception, model: nn.Module, before: dict[str, Tensor], words: tuple[str, ...], adapter: Adapter, call: str
) -> RefusedBy:
    _judge_named(error, words, call)
    broken = f"{call} breaks with {type(error).__name__}: {error}; a refusal is raised on purpose"
    require(not isinstance(error, _ACCIDENTS), "refusal-by-accident", broken)
    _judge_unharmed(model, before, call)
    return "adapter" if isinstance(error, Refusal) or _raised_in_adapter(error, adapter) else "package"


def _judge_named(error: Exception, words: tuple[str, ...], call: str) -> None:
    if isinstance(error, Violation):  # ours, of an answer that breaks the protocol: no refusal
        raise error
    require(
        any(word.lower() in str(error).lower() for word in words),
        "refusal-unnamed",
        f"{call} refuses with {type(error).__name__}: {error}; expected a message that names one of {', '.join(words)}",
    )


def _judge_unharmed(model: nn.Module, before: dict[str, Tensor], call: str) -> None:
    compare.assert_same_state(_snapshot(model), before, "refusal-harmed", f"the model after {call} refused")


def _raised_in_adapter(error: Exception, adapter: Adapter) -> bool:
    """Whether the line that raised stands in the adapter's own file, or in sparsecheck."""
    raised = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    return raised == Path(inspect.getfile(type(adapter))) or _OWN in raised.parents


def _snapshot(model: nn.Module) -> dict[str, Tensor]:
    state = {name: tensor.detach().clone() for name, tensor in model.named_parameters(remove_duplicate=False)}
    return state | {f"{name} (buffer)": tensor.detach().clone() for name, tensor in model.named_buffers()}


def words_for(trial: Trial, lacking: list[str]) -> tuple[str, ...]:
    """What a message may name: a planned parameter, or what the sparsifier lacks in one word or another."""
    words = {word for name in lacking for word in (name, *_SYNONYMS.get(name, ()))}
    device = {trial.device.type} if "accelerator" in lacking else set()
    return tuple(sorted({*trial.plan.names, *words, *device}))


_SYNONYMS: dict[str, tuple[str, ...]] = {
    "n_of_m": ("N:M", "NofM", "2:4"),
    "any_n_of_m": ("N:M", "NofM", "1:4", "1:2"),
    "unstructured": ("single entries",),
    "per_parameter": ("level", "pattern"),
    "scope_all": ("global", "scope"),
    "bfloat16": ("bf16",),
    "float16": ("half",),
    "float64": ("double",),
    "accelerator": ("device",),
    "tied": ("shared", "share"),
    "reupdate": ("update", "again", "already", "twice", "after"),
    "relevel": ("level",),
    "restore": ("load", "save"),
    "finalize": ("final",),
}


def _compile(trial: Trial, sparsified: Sparsified) -> object:
    with tracing.compiled(sparsified.model) as compiled:
        return compiled(trial.inputs("trace"))


_CALLS: dict[str, Callable[[Trial, Sparsified], object]] = {
    "reupdate": lambda trial, sparsified: sparsified.update(),
    "relevel": lambda trial, sparsified: sparsified.update(0.75),
    "finalize": lambda trial, sparsified: sparsified.finalize(),
    "restore": lambda trial, sparsified: trial.restore(sparsified.save()),
    "trace": lambda trial, sparsified: tracing.trace(sparsified.model, trial.inputs("trace")),
    "export": lambda trial, sparsified: tracing.export(sparsified.model, trial.inputs("trace")),
    "compile": _compile,
}
