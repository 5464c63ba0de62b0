"""RESUME: a run that is saved, ended, restored elsewhere and carried on."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from sparsecheck import Trial, case, require
from sparsecheck.programs.fresh import restorer_of
from sparsecheck.programs.taking import Skipped
from sparsecheck.trials import resumed_lives, resuming
from sparsecheck.trials.resuming import Checkpoint, Outcome
from sparsecheck.values.violation import CannotJudge, Violation

State = dict[str, Any]

FRESH = "resumed in a fresh interpreter"


@case("RESUME-01")
def test_run_resumed_in_a_fresh_interpreter_ends_as_the_uninterrupted_one(trial: Trial) -> None:
    with resuming.reproducible(trial):
        run = resuming.started(trial)
        run.go_on(resuming.MOMENTS[trial.cell.layer])
        seen = _carried_on(trial, run.save())
        run.go_on()
        what = f"saved after step {resuming.MOMENTS[trial.cell.layer]}, {FRESH}"
        resuming.assert_same(trial, seen, run.outcome(), what)


def _carried_on(trial: Trial, checkpoint: Checkpoint) -> Outcome:
    """Return the end of a run that goes on in a fresh interpreter; the random streams of this one stay."""
    try:
        return restorer_of(trial.adapter, trial.cell.sparsifier).resume(trial.cell.id, checkpoint)
    except Skipped as reason:
        raise CannotJudge(str(reason)) from None


@case("RESUME-02")
def test_run_resumed_twice_ends_as_the_uninterrupted_one(trial: Trial) -> None:
    with resuming.reproducible(trial):
        run = resuming.started(trial)
        run.go_on(resuming.MOMENTS[trial.cell.layer])
        seen = _carried_on(trial, run.save())
        run.go_on()
        resuming.assert_same(trial, seen, run.outcome(), f"{FRESH}, saved and resumed again")


@case("RESUME-03")
def test_run_attached_in_a_fresh_interpreter_ends_as_the_uninterrupted_one(trial: Trial) -> None:
    with resuming.reproducible(trial):
        dense = trial.dense_model()
        checkpoint = {"model": dense.state_dict(), "random": resuming.random_states()}
        seen = _carried_on(trial, checkpoint)
        run = resuming.Run(trial, trial.attach(dense, resuming.plan_of(trial)))
        run.go_on()
        resuming.assert_same(trial, seen, run.outcome(), "saved before attach, attached in a fresh interpreter")


@case("RESUME-04")
def test_final_model_trains_on_in_a_fresh_interpreter(trial: Trial) -> None:
    with resuming.reproducible(trial):
        run = resuming.started(trial)
        run.go_on()
        final = run.sparsified.finalize()
        seen = _carried_on(trial, {"model": final.state_dict()})
        what = "finalized, loaded into a dense model in a fresh interpreter, trained"
        resuming.assert_same(trial, seen, resumed_lives.trained(trial, final), what)


@case("RESUME-05")
def test_run_resumed_from_a_mapped_or_a_safetensors_file(trial: Trial) -> None:
    with resuming.reproducible(trial), TemporaryDirectory(prefix="sparsecheck-") as name:
        run = resuming.started(trial)
        run.go_on(resuming.MOMENTS["between"])
        file, checkpoint = Path(name) / "run", run.save()
        write_and_read = _mapped if trial.cell.layer == "mmap" else _through_safetensors
        rest = resuming.copied({**checkpoint, "model": None})
        loaded = {**rest, "model": write_and_read(checkpoint["model"], file)}
        run.go_on()
        expected = run.outcome()
        again = resuming.resumed(trial, loaded)
        file.write_bytes(bytes(file.stat().st_size))  # as the next checkpoint is written over it
        again.go_on()
        resuming.assert_same(trial, again.outcome(), expected, f"resumed from a file by {trial.cell.layer}")


def _mapped(state: State, file: Path) -> State:
    torch.save(state, file)
    return resuming.read(file, mmap=True)


def _through_safetensors(state: State, file: Path) -> State:
    """Write a model's state to a safetensors file, and read it.

    Of entries that are one tensor, one is written, since such a file holds no tensor twice.

    Raises:
        Violation: safetensors does not take the state (`not-writable`).
    """
    names = {name: next(other for other in state if _are_one(state[other], state[name])) for name in state}
    try:
        save_file({name: _packed(state[name]) for name in set(names.values())}, file)
    except Exception as error:
        message = f"the model's state cannot be written to a safetensors file: {type(error).__name__}: {error}"
        raise Violation("not-writable", message) from error
    loaded = load_file(file)
    return {name: loaded[first] for name, first in names.items()}


def _packed(entry: Any) -> Any:
    return entry.contiguous() if isinstance(entry, torch.Tensor) else entry


def _are_one(one: object, other: object) -> bool:
    if not (isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)):
        return one is other
    return one.data_ptr() == other.data_ptr() and one.shape == other.shape


@case("RESUME-06", compares="the run, if it was restored")
def test_run_resumed_by_assignment_is_never_wrong(trial: Trial) -> None:
    with resuming.reproducible(trial):
        run = resuming.started(trial)
        run.go_on(resuming.MOMENTS["between"])
        checkpoint = resuming.copied(run.save())
        run.go_on()
        expected = run.outcome()
        try:
            again = resuming.resumed(trial, checkpoint, _assigning(trial))
            again.go_on()
            seen = again.outcome()
        except Violation:
            raise
        except Exception as error:  # which is allowed, since nothing was promised
            require(True, "raised", f"restored by {trial.cell.layer}: {type(error).__name__}")
            return
        resuming.assert_same(trial, seen, expected, f"restored by {trial.cell.layer}")


def _assigning(trial: Trial) -> nn.Module:
    """Return a dense model, on the meta device if the cell says so, whose load_state_dict assigns."""
    model = trial.dense_model("restored")
    if trial.cell.layer == "meta":
        model = model.to("meta")
    vars(model)["load_state_dict"] = partial(model.load_state_dict, assign=True)
    return model
