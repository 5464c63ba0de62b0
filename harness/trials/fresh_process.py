"""Restoring in a fresh interpreter, where nothing that this process remembers can help."""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
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
from ..process.interpreter import SAFE_PATH, python_command
from ..trials.baseline import BATCHES, Baseline
from ..trials.trial import Trial
from ..values.violation import Violation, require


class Request(Struct, frozen=True):
    """What the fresh interpreter is asked for: the cell to rebuild, and where its adapter is to be had.

    registered: the name it is registered under, or empty. pickled: whether it lies pickled beside the saved
    state. file: the file that defines it, where its module cannot be imported by name.
    """

    cell: str
    registered: str
    pickled: bool
    file: str


REQUEST, ADAPTER, MODEL, SIDECAR = "asked.json", "adapter.pickle", "model.pt", "sidecar.pt"
RESULT, PROBLEM = "seen.safetensors", "problem.txt"
"""Names of the files through which the two interpreters speak."""


@dataclass(frozen=True)
class FreshRestore:
    """What was seen in the fresh interpreter. masks: boolean; used: the weights of forward; output: for the
    trial's fresh inputs."""

    masks: dict[str, Tensor]
    used: dict[str, Tensor]
    output: Tensor

    def assert_matches(self, baseline: Baseline, what: str) -> None:
        """The masks are the baseline's, forward used its weights, to its output.

        Raises:
            Violation: `mask-missing`, `mask-differs`, `weight-differs` or `output-differs`.
        """
        for name, mask in baseline.masks.items():
            require(name in self.masks, "mask-missing", f"{what}: masks() has no mask for {name}")
            compare.assert_equal(self.masks[name], mask, "mask-differs", f"{what}: mask of {name}")
        for name, used in self.used.items():
            expected_weight = baseline.parameters[name]
            compare.assert_equal(used, expected_weight, "weight-differs", f"{what}: {name} as used in forward")
        expected, bound = baseline.outputs[BATCHES[0]], baseline.trial.tolerance
        compare.assert_close(self.output, expected, bound, "output-differs", f"{what}: output")


def restore_in_fresh_process(trial: Trial, saved: Saved) -> FreshRestore:
    """Write what was saved to files, and restore it from them in a fresh interpreter.

    Raises:
        Violation: `fresh-interpreter-failed`, it could not be restored there.
    """
    with TemporaryDirectory(prefix="sparsecheck-") as name:
        folder = Path(name)
        torch.save(saved.model, folder / MODEL)
        torch.save(saved.sidecar, folder / SIDECAR)
        (folder / REQUEST).write_bytes(json.encode(_asked(trial, folder)))
        _run(folder)
        return _read(load_file(folder / RESULT))


def _asked(trial: Trial, folder: Path) -> Request:
    adapter = trial.adapter
    file = inspect.getsourcefile(type(adapter)) or ""
    return Request(trial.cell.id, _registered(trial), _pickled(adapter, folder / ADAPTER), file)


def _registered(trial: Trial) -> str:
    """The name under which anyone may find this adapter; empty if it is found there under no name, or another is."""
    try:
        found = load(find(trial.cell.sparsifier), supposing=True)
    except NotFound:
        return ""
    return found.name if type(found.adapter) is type(trial.adapter) else ""


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
    """Let a fresh interpreter do what lies in `folder`; how it ended, nothing if well."""
    ended = subprocess.run(
        python_command(f"{__package__}.fresh_process_main", str(folder)),
        env={**os.environ, **SAFE_PATH}, capture_output=True, text=True, check=False,
    )
    return f"exit status {ended.returncode}, {ended.stderr[-500:]}" if ended.returncode else ""


def _read(seen: dict[str, Tensor]) -> FreshRestore:
    def part(kind: str) -> dict[str, Tensor]:
        return {name.partition(" ")[2]: tensor for name, tensor in seen.items() if name.startswith(f"{kind} ")}

    return FreshRestore(part("mask"), part("used"), seen["output"])
