"""Judge refusals: the sparsifier must raise on purpose, name the refused capability, and leave the model unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from torch import nn

from ..adapter.protocol import Refusal, Sparsified
from ..catalogue.axes import LAYERS, REST
from ..report.verdict import said
from ..values.plan import Plan
from ..values.violation import Violation, require
from .baseline import Baseline
from .raise_site import assert_deliberate, is_in_adapter
from .snapshot import Untouched
from .trial import Trial

RefusedBy = Literal["package", "adapter"]

_HARMED = "refusal-harmed"


def assert_unsupported_plan_refused(trial: Trial) -> RefusedBy:
    """Assert that attach with the trial's plan, or else the first update, refuses an unsupported capability.

    Returns:
        Who refused: the package, or only its adapter.

    Raises:
        Violation: `not-refused`, `refusal-unnamed`, `refusal-by-accident` or `refusal-harmed`.
    """
    words = words_for(trial, trial.lacking)
    unrefused = _not_refused(trial, "attach and update went through")
    error = assert_plan_refused(trial, trial.dense_model(), trial.plan, words, names_of(trial), unrefused)
    return _refuser(trial, error)


def assert_unsupported_call_refused(trial: Trial, sparsified: Sparsified, call: Callable[[], object]) -> RefusedBy:
    """Assert that `call` on a sparse model refuses the operation that the sparsifier does not support.

    Returns:
        Who refused: the package, or only its adapter.

    Raises:
        Violation: `not-refused`, `refusal-unnamed`, `refusal-by-accident` or `refusal-harmed`.
    """
    [operation] = trial.lacking
    untouched = Untouched(sparsified.model)
    try:
        call()
    except Exception as error:
        _assert_good_refusal(error, words_for(trial, [operation]), operation)
        untouched.assert_unchanged(_HARMED, _after(operation))
        return _refuser(trial, error)
    raise Violation("not-refused", _not_refused(trial, f"{operation} went through"))


def assert_plan_refused(
    trial: Trial, model: nn.Module, plan: Plan, words: Iterable[str], names: Iterable[str] = (), unrefused: str = "",
) -> Exception:
    """Assert that attach with `plan`, or else the update after it, is refused and leaves `model` unchanged.

    Args:
        trial: The trial, which supplies the adapter and its context.
        model: The dense model to attach to.
        plan: The plan to refuse.
        words: The message must contain one of them.
        names: If given, the message must contain one of them as well.
        unrefused: The message of the violation if the plan is not refused, in place of a general one.

    Returns:
        The exception by which it was refused.

    Raises:
        Violation: `not-refused`, `refusal-unnamed`, `refusal-by-accident` or `refusal-harmed`.
    """

    def attach_and_update() -> None:
        trial.attach(model, plan).update()

    refused = refusal_of(attach_and_update, model, words, "attach or update", names)
    if refused is None:
        expected = f"attach and update went through; expected a refusal that names one of {', '.join(words)}"
        raise Violation("not-refused", unrefused or expected)
    return refused


def refusal_of(
    act: Callable[[], object], model: nn.Module, words: Iterable[str], call: str, names: Iterable[str] = ()
) -> Exception | None:
    """Return the exception by which `act` refuses, or None if it does not refuse.

    A refusal must name one of `words` and leave `model` unchanged.

    Args:
        act: The call that should be refused.
        model: The model that must stay unchanged.
        words: The message must contain one of them.
        call: The name of the call in messages.
        names: If given, the message must contain one of them as well.

    Raises:
        Violation: `refusal-unnamed`, `refusal-by-accident` or `refusal-harmed`.
    """
    untouched = Untouched(model)
    try:
        act()
    except Exception as error:
        _assert_good_refusal(error, words, call, names)
        untouched.assert_unchanged(_HARMED, _after(call))
        return error
    return None


def has_changed(act: Callable[[], object], model: nn.Module, words: Iterable[str], call: str) -> bool:
    """Return whether `act` went through and has changed `model`; if it refuses, the refusal must be a good one.

    Args:
        act: The call.
        model: The model.
        words: If the call refuses, its message must contain one of them.
        call: The name of the call in messages.

    Raises:
        Violation: `refusal-unnamed`, `refusal-by-accident` or `refusal-harmed`.
    """
    untouched = Untouched(model)
    if refusal_of(act, model, words, call) is not None:
        return False
    try:
        untouched.assert_unchanged(_HARMED, _after(call))
    except Violation:
        return True
    return False


def assert_unsupported_restore_refused(trial: Trial) -> RefusedBy:
    """Assert that restoring a saved state is refused.

    Neither the sparse model nor the dense one to restore onto may be changed.

    Returns:
        Who refused: the package, or only its adapter.

    Raises:
        Violation: `not-refused`, `refusal-unnamed`, `refusal-by-accident` or `refusal-harmed`.
    """
    sparsified, dense = trial.sparsified(), trial.dense_model("restored")
    untouched = Untouched(dense)
    refused_by = assert_unsupported_call_refused(
        trial, sparsified, lambda: trial.restore_without_update(sparsified.save(), dense)
    )
    untouched.assert_unchanged(_HARMED, _after("restore"))
    return refused_by


def assert_never_wrong(trial: Trial, go_through: Callable[[Sparsified, Baseline], None]) -> None:
    """Assert that an operation which torch offers for every model fails or gives the right output.

    Args:
        trial: The trial, which supplies the sparse model.
        go_through: Traces, exports, compiles or copies the model, and compares the output of the result with the
            baseline.

    Raises:
        Violation: The output is wrong, or the model has changed (`refusal-harmed`).
    """
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    untouched = Untouched(sparsified.model)
    try:
        go_through(sparsified, baseline)
    except Violation:
        raise
    except Exception:  # an error is allowed, since nothing was promised
        pass
    untouched.assert_unchanged(_HARMED, _after(*trial.lacking or ("the operation",)))


def _assert_good_refusal(error: Exception, words: Iterable[str], call: str, names: Iterable[str] = ()) -> None:
    if isinstance(error, Violation):  # raised by sparsecheck for an answer that breaks the protocol
        raise error
    text = said(error)
    for expected in (tuple(words), tuple(names)):
        named = not expected or any(word.lower() in text.lower() for word in expected)
        message = f"{call} refuses with {type(error).__name__}: {text}; expected a message that names one of "
        require(named, "refusal-unnamed", message + ", ".join(expected))
    assert_deliberate(error, call)


def _after(call: str) -> str:
    return f"the model after {call} refused"


def _refuser(trial: Trial, error: Exception) -> RefusedBy:
    return "adapter" if isinstance(error, Refusal) or is_in_adapter(error, trial.adapter) else "package"


def _not_refused(trial: Trial, seen: str) -> str:
    lacking = ", ".join(trial.lacking)
    return f"{lacking} declared unsupported, but {seen}: declare it supported, or refuse it"


def names_of(trial: Trial) -> tuple[str, ...]:
    """Return the words by which a message can name the planned parameters.

    These are each parameter, its layer, and the parameters tied to it.
    """
    tied = [name for pair in trial.network.tied for name in pair]
    names = [*trial.plan.names, *tied]
    return tuple(dict.fromkeys(word for name in names for word in (name, name.rpartition(".")[0]) if word))


def words_for(trial: Trial, lacking: Iterable[str]) -> tuple[str, ...]:
    """Return the words by which a message can name the capabilities that the sparsifier lacks."""
    lacking = [name.removeprefix(REST) for name in lacking]
    words = {word for name in lacking for word in (name, *_SYNONYMS.get(name, ()))}
    kinds = set(LAYERS[trial.cell.layer]) if any(one.startswith(REST) for one in trial.lacking) else set()
    device = {trial.device.type} if "accelerator" in lacking else set()
    return tuple(sorted(words | kinds | device))


_MATRIX = ("convolution", "dimension", "matrix", "matrices", "layer")

_SYNONYMS: dict[str, tuple[str, ...]] = {
    "conv1d": _MATRIX,
    "conv2d": _MATRIX,
    "linear": ("layer",),
    "embedding": ("layer",),
    "given": ("mask",),
    "n_of_m": ("N:M", "NofM", "2:4"),
    "any_n_of_m": ("N:M", "NofM", "1:4", "1:2"),
    "input_channel": ("channel",),
    "unstructured": ("single entries",),
    "per_parameter": ("level", "pattern", "ratio", "amount", "NofM", "N:M"),
    "scope_all": ("global", "scope"),
    "bfloat16": ("bf16", "dtype", "half"),
    "float16": ("half", "dtype"),
    "float32": ("dtype",),
    "float64": ("double", "dtype"),
    "accelerator": ("device",),
    "tied": ("shared", "share"),
    "reupdate": ("update", "again", "already", "twice", "after"),
    "relevel": ("level",),
    "restore": ("load", "save"),
    "finalize": ("final",),
}
