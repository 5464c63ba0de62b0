"""Pickle a sparse model in this process, or send it to a spawned one."""

from __future__ import annotations

import io
import multiprocessing.process
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, TypeVar

import torch
import torch.multiprocessing
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..adapter.discovery import split_class
from ..values.cell import Cell
from ..values.violation import Violation, require
from .baseline import BATCHES
from .fresh_process import PROBLEM, RESULT, AdapterPlace, place_of
from .training import sgd, train_alone
from .trial import Trial

T = TypeVar("T")
Seen = dict[str, Tensor]
Start = Callable[[], None]

_LIMIT = 120.0
"""Seconds that a spawned process may take."""


def unpickled(value: T) -> T:
    """Return what pickling and unpickling makes of a value."""
    made: T = pickle.loads(pickle.dumps(value))
    return made


def saved_whole(value: T) -> T:
    """Return what `torch.save` and `torch.load` of a whole object make of it."""
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    made: T = torch.load(file, weights_only=False)  # written above
    return made


@contextmanager
def errors_if_undeclared(trial: Trial, declaring: tuple[str, ...], what: str) -> Iterator[None]:
    """Let errors of the code inside pass, unless the clause `pickled` has one of the values in `declaring`.

    Raises:
        Violation: It raised an error, though it is declared to work (`not-pickled`).
    """
    try:
        yield
    except Violation:
        raise
    except Exception as error:
        said = f"{what} raises {type(error).__name__}: {error}"
        declared = trial.contract.pickled
        message = f"{said}; pickled={declared!r} is declared: declare 'any', or make it work"
        require(declared not in declaring, "not-pickled", message)


def trained_alone(trial: Trial, model: nn.Module) -> dict[str, Tensor]:
    """Train a model without its sparsifier, and return the weights that forward then uses."""
    train_alone(trial, model, sgd(model.parameters()))
    return {name: weight.detach().clone() for name, weight in trial.used_weights(model).items()}


# ------------------------------------------------------------------ a spawned process


def lived_in_spawned_process(trial: Trial, model: nn.Module) -> Seen:
    """Send a model to a spawned process, and return what it has there: `used NAME`, `trained NAME` and `output`.

    Both processes share the memory of its parameters and buffers, so that it is trained here, too.

    Raises:
        Exception: It cannot be sent, or not be used there.
        Violation: It breaks a requirement there.
    """
    with TemporaryDirectory(prefix="sparsecheck-") as name:
        folder = Path(name)
        place = place_of(trial.adapter, trial.cell.sparsifier, folder)
        loading = _Loading(place, name, type(trial.adapter).__module__)
        process = torch.multiprocessing.get_context("spawn").Process(
            target=_live, args=(loading, model, trial.cell.id, name, torch.get_num_threads())
        )
        with _main_left_out():
            process.start()
        _end(process)
        if (folder / PROBLEM).exists():
            kind, _, message = (folder / PROBLEM).read_text().partition("\n")
            raise Violation(kind, message) if kind else RuntimeError(f"in a spawned process: {message}")
        if not (folder / RESULT).exists():
            raise RuntimeError(f"a spawned process ended with exit code {process.exitcode} before it could use it")
        return load_file(folder / RESULT)


def _end(process: multiprocessing.process.BaseProcess) -> None:
    process.join(_LIMIT)
    if process.is_alive():
        process.kill()
        process.join()
        raise RuntimeError(f"a spawned process was still running after {_LIMIT:g} seconds")


@contextmanager
def _main_left_out() -> Iterator[None]:
    """Keep a spawned process from running the main module of this one, which may be a user's script."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class _Loading:
    """Is unpickled as the adapter, which is loaded before the model that comes after it is unpickled.

    Args:
        place: Where the adapter is.
        folder: The folder in which it may be pickled.
        module: The name of its module here.
    """

    def __init__(self, place: AdapterPlace, folder: str, module: str) -> None:
        self._parts = place, folder, module

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[AdapterPlace, str, str]]:
        return _loaded, self._parts


def _loaded(place: AdapterPlace, folder: str, module: str) -> Any:
    from .fresh_process_main import load_adapter  # the program of another interpreter

    _import_file(split_class(Path(place.file))[0], module)
    return load_adapter(place, Path(folder))


def _import_file(file: Path, module: str) -> None:
    """Import a file under the name that its module has where it was pickled, unless that can be imported by name."""
    if module in sys.modules or find_spec(module.partition(".")[0]) is not None:
        return
    spec = spec_from_file_location(module, file)
    if spec is not None and spec.loader is not None:
        sys.modules[module] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[module])


def _live(adapter: Any, model: nn.Module, cell: str, name: str, threads: int) -> None:
    """Use and train a model in the spawned process; its arguments are unpickled in their order."""
    folder = Path(name)
    torch.set_num_threads(threads)
    try:
        trial = Trial(Cell.parse(cell), adapter)
        with trial.guard.watch():
            save_file(_seen(trial, model), folder / RESULT)
    except Violation as violation:
        (folder / PROBLEM).write_text(f"{violation.kind}\nin a spawned process: {violation.message}")
    except Exception as error:
        (folder / PROBLEM).write_text(f"\n{type(error).__name__}: {error}")


def _seen(trial: Trial, model: nn.Module) -> Seen:
    with torch.no_grad():
        seen = {"output": model(trial.inputs("fresh", BATCHES[0])).clone()}
    seen |= {f"used {name}": weight.detach().clone() for name, weight in trial.used_weights(model).items()}
    seen |= {f"trained {name}": weight for name, weight in trained_alone(trial, model).items()}
    return {name: tensor.cpu().contiguous() for name, tensor in seen.items()}
