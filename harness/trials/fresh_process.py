"""Restore in a fresh interpreter, which shares no memory with this process."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from msgspec import Struct, json
from safetensors.torch import load_file
from torch import Tensor

from ..adapter.discovery import NotFound, find, load
from ..adapter.protocol import Adapter, Saved
from ..oracle import compare
from ..process.interpreter import SAFE_PATH, own_environment, python_command
from ..values.violation import Violation, presume
from .baseline import BATCHES, Baseline
from .trial import Trial


class AdapterPlace(Struct, frozen=True):
    """From where another interpreter loads an adapter.

    Attributes:
        registered: The name under which the adapter is registered, or an empty string.
        pickled: Whether the adapter is pickled next to the saved state.
        file: The file that defines the adapter, in case its module cannot be imported by name.
    """

    registered: str
    pickled: bool
    file: str


class Request(Struct, frozen=True):
    """The request to the fresh interpreter: the id of the cell, and the place of its adapter."""

    cell: str
    adapter: AdapterPlace


REQUEST, ADAPTER, MODEL, SIDECAR = "asked.json", "adapter.pickle", "model.pt", "sidecar.pt"
RESULT, PROBLEM = "seen.safetensors", "problem.txt"
"""The names of the files through which the two interpreters communicate."""


@dataclass(frozen=True)
class FreshRestore:
    """The behaviour of the restored model in the fresh interpreter.

    Attributes:
        masks: The reported masks, by planned name, boolean.
        used: The weights that forward used, by name.
        output: The output for the trial's fresh inputs.
    """

    masks: dict[str, Tensor]
    used: dict[str, Tensor]
    output: Tensor

    def assert_matches(self, baseline: Baseline, what: str) -> None:
        """Assert that masks, weights and output are those of the baseline.

        Raises:
            Violation: A mask (`mask-missing`, `mask-differs`), a weight (`weight-differs`) or the output
                (`output-differs`) is different.
        """
        for name, mask in baseline.masks.items():
            presume(name in self.masks, "mask-missing", f"{what}: masks() has no mask for {name}")
            compare.assert_equal(self.masks[name], mask, "mask-differs", f"{what}: mask of {name}")
        for name, used in self.used.items():
            expected_weight = baseline.parameters[name]
            compare.assert_equal(used, expected_weight, "weight-differs", f"{what}: {name} as used in forward")
        expected, bound = baseline.outputs[BATCHES[0]], baseline.trial.tolerance
        compare.assert_close(self.output, expected, bound, "output-differs", f"{what}: output")


def restore_in_fresh_process(trial: Trial, saved: Saved) -> FreshRestore:
    """Write a saved state to files, and restore it from them in a fresh interpreter.

    Raises:
        Violation: It could not be restored there (`fresh-interpreter-failed`).
    """
    with TemporaryDirectory(prefix="sparsecheck-") as name:
        folder = Path(name)
        torch.save(saved.model, folder / MODEL)
        torch.save(saved.sidecar, folder / SIDECAR)
        (folder / REQUEST).write_bytes(json.encode(_asked(trial, folder)))
        _run(folder)
        return _read(load_file(folder / RESULT))


def _asked(trial: Trial, folder: Path) -> Request:
    return Request(trial.cell.id, place_of(trial.adapter, trial.cell.sparsifier, folder))


def place_of(adapter: Adapter, name: str, folder: Path) -> AdapterPlace:
    """Return from where another interpreter loads an adapter.

    Args:
        adapter: The adapter.
        name: The name of the sparsifier.
        folder: The folder in which the adapter is pickled, if that is possible.
    """
    cls = type(adapter)
    file = inspect.getsourcefile(cls) or ""
    if file and vars(sys.modules[cls.__module__]).get(cls.__name__) is cls:
        file = f"{file}:{cls.__name__}"
    return AdapterPlace(_registered(adapter, name), _pickled(adapter, folder / ADAPTER), file)


def _registered(adapter: Adapter, name: str) -> str:
    """Return the name under which an adapter is registered, or an empty string."""
    try:
        found = load(find(name), supposing=True)
    except NotFound:
        return ""
    return found.name if type(found.adapter) is type(adapter) else ""


def _pickled(adapter: Adapter, file: Path) -> bool:
    try:
        file.write_bytes(pickle.dumps(adapter))
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return True


def _run(folder: Path) -> None:
    if ended := run_interpreter(folder):
        problem = folder / PROBLEM
        said = problem.read_text() if problem.exists() else ended
        raise Violation("fresh-interpreter-failed", f"restore in a fresh interpreter: {said}")


def run_interpreter(folder: Path) -> str:
    """Run a fresh interpreter on the request in `folder`; return a description of its failure, or an empty string."""
    ended = subprocess.run(
        python_command(f"{__package__}.fresh_process_main", str(folder)),
        env={**own_environment(), **SAFE_PATH}, capture_output=True, text=True, check=False,
    )
    return f"exit status {ended.returncode}, {ended.stderr[-500:]}" if ended.returncode else ""


def _read(seen: dict[str, Tensor]) -> FreshRestore:
    def part(kind: str) -> dict[str, Tensor]:
        return {name.partition(" ")[2]: tensor for name, tensor in seen.items() if name.startswith(f"{kind} ")}

    return FreshRestore(part("mask"), part("used"), seen["output"])
