"""The program of the fresh interpreter: restore from files, and write down the behaviour.

python -m sparsecheck.trials.fresh_process_main FOLDER
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import torch
from msgspec import json
from safetensors.torch import save_file
from torch import Tensor

from ..adapter.discovery import Registration, find, load
from ..adapter.protocol import Adapter, Saved
from ..process.line_coverage import measured
from ..values.cell import Cell
from .baseline import BATCHES
from .fresh_process import ADAPTER, MODEL, PROBLEM, REQUEST, RESULT, SIDECAR, AdapterPlace, Request
from .trial import Trial


def main(folder: Path) -> int:
    """Serve the request in `folder`, and return the exit status; the reason of a failure is written next to it."""
    try:
        asked = json.decode((folder / REQUEST).read_bytes(), type=Request)
        trial = Trial(Cell.parse(asked.cell), load_adapter(asked.adapter, folder))
        with trial.guard.watch():
            save_file(_seen(trial, folder), folder / RESULT)
    except Exception as error:
        (folder / PROBLEM).write_text(f"{type(error).__name__}: {error}")
        return 1
    return 0


def load_adapter(place: AdapterPlace, folder: Path) -> Adapter:
    """Return the registered adapter, else the pickled one if its class can be imported, else the one in its file.

    Args:
        place: Where it is.
        folder: The folder in which it is pickled.
    """
    if place.registered:
        return load(find(place.registered), supposing=True).adapter
    if place.pickled:
        try:
            adapter: Adapter = pickle.loads((folder / ADAPTER).read_bytes())
            return adapter
        except ModuleNotFoundError:
            pass
    return load(Registration("it", place.file, file=Path(place.file)), supposing=True).adapter


def _seen(trial: Trial, folder: Path) -> dict[str, Tensor]:
    # A requirement of its own judges whether it loads with weights_only=True.
    model, sidecar = (torch.load(folder / part, weights_only=False) for part in (MODEL, SIDECAR))
    restored = trial.restore(Saved(model, sidecar))
    seen = {f"mask {name}": mask for name, mask in restored.masks().items()}
    seen |= {f"used {name}": weight for name, weight in trial.used_weights(restored.model).items()}
    with torch.no_grad():
        seen["output"] = restored.model(trial.inputs("fresh", BATCHES[0]))
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in seen.items()}


if __name__ == "__main__":
    with measured():
        code = main(Path(sys.argv[1]))
    sys.exit(code)
