"""Restore a user's own model in a fresh interpreter, which shares no memory with this one.

python -m sparsecheck.features.try_out.fresh FOLDER
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...adapter.discovery import find, load
from ...adapter.protocol import Context, Saved
from ...process.guardian import temporary_folder
from ...process.interpreter import SAFE_PATH, own_environment, python_command
from ...values.plan import Plan
from ...values.violation import Violation
from .own_model import OwnModel, load_model

_REQUEST, _PLAN, _STATE, _INPUTS = "request.json", "plan.pickle", "state.pt", "inputs.safetensors"
_RESULT, _PROBLEM = "seen.safetensors", "problem.txt"


class Request(msgspec.Struct, frozen=True):
    """What the other interpreter is asked for.

    Attributes:
        sparsifier: The name of the sparsifier.
        files: Adapter files.
        model: The function that makes the model.
        training: Whether the model is in train mode.
    """

    sparsifier: str
    files: tuple[str, ...]
    model: str
    training: bool


@dataclass(frozen=True)
class Seen:
    """The behaviour of the restored model.

    Attributes:
        masks: The reported masks, boolean.
        output: The output for the example.
    """

    masks: dict[str, Tensor]
    output: Tensor


def restored_elsewhere(
    own: OwnModel, sparsifier: str, files: tuple[Path, ...], plan: Plan, saved: Saved, training: bool
) -> Seen:
    """Write a saved state to files, and restore it from them in a fresh interpreter.

    Raises:
        Violation: It could not be restored there (`fresh-interpreter-failed`).
    """
    with temporary_folder() as folder:
        torch.save((saved.model, saved.sidecar), folder / _STATE)
        (folder / _PLAN).write_bytes(pickle.dumps(plan))
        save_file({"inputs": own.inputs.contiguous()}, folder / _INPUTS)
        request = Request(sparsifier, tuple(map(str, files)), own.where, training)
        (folder / _REQUEST).write_bytes(msgspec.json.encode(request))
        ended = subprocess.run(
            python_command(__name__, str(folder)), env={**own_environment(), **SAFE_PATH},
            capture_output=True, text=True, check=False,
        )
        if ended.returncode:
            problem = folder / _PROBLEM
            said = problem.read_text("utf-8") if problem.exists() else f"exit status {ended.returncode}"
            raise Violation("fresh-interpreter-failed", f"restore in a fresh interpreter: {said}")
        seen = load_file(folder / _RESULT)
    return Seen({name: one for name, one in seen.items() if name != "output"}, seen["output"])


def main(folder: Path) -> int:
    """Serve the request in a folder, and return the exit status; the reason of a failure is written next to it."""
    try:
        save_file(_restored(folder), folder / _RESULT)
    except Exception as error:
        (folder / _PROBLEM).write_text(f"{type(error).__name__}: {error}", "utf-8")
        return 1
    return 0


def _restored(folder: Path) -> dict[str, Tensor]:
    request = msgspec.json.decode((folder / _REQUEST).read_bytes(), type=Request)
    own = load_model(request.model)
    adapter = load(find(request.sparsifier, [Path(one) for one in request.files])).adapter
    plan: Plan = pickle.loads((folder / _PLAN).read_bytes())
    inputs = load_file(folder / _INPUTS)["inputs"]
    state = Saved(*torch.load(folder / _STATE, weights_only=False))
    own.model.train(request.training)
    restored = adapter.restore(own.model, plan, state, Context(inputs, (), inputs.device, own.dtype))
    with torch.no_grad():
        output = restored.model(inputs)
    seen = {**restored.masks(), "output": output}
    return {name: one.detach().cpu().contiguous().clone() for name, one in seen.items()}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
