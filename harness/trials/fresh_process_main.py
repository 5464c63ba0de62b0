"""What the fresh interpreter runs: restore from files and write down what is seen.

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
from ..trials.baseline import BATCHES
from ..trials.fresh_process import ADAPTER, MODEL, PROBLEM, REQUEST, RESULT, SIDECAR, Request
from ..trials.trial import Trial
from ..values.cell import Cell


def main(folder: Path) -> int:
    """The exit status; a failure is written down beside what was asked."""
    try:
        asked = json.decode((folder / REQUEST).read_bytes(), type=Request)
        trial = Trial(Cell.parse(asked.cell), _adapter(asked, folder))
        with trial.guard.watch():
            save_file(_seen(trial, folder), folder / RESULT)
    except Exception as error:
        (folder / PROBLEM).write_text(f"{type(error).__name__}: {error}")
        return 1
    return 0


def _adapter(asked: Request, folder: Path) -> Adapter:
    """As registered; else the very object, where its class can be imported; else from its file."""
    if asked.registered:
        return load(find(asked.registered), supposing=True).adapter
    if asked.pickled:
        try:
            adapter: Adapter = pickle.loads((folder / ADAPTER).read_bytes())
            return adapter
        except ModuleNotFoundError:
            pass
    return load(Registration("it", asked.file, file=Path(asked.file)), supposing=True).adapter


def _seen(trial: Trial, folder: Path) -> dict[str, Tensor]:
    # Whether it loads with weights_only=True is a requirement of its own.
    model, sidecar = (torch.load(folder / part, weights_only=False) for part in (MODEL, SIDECAR))
    restored = trial.restore(Saved(model, sidecar))
    seen = {f"mask {name}": mask for name, mask in restored.masks().items()}
    seen |= {f"used {name}": weight for name, weight in trial.used_weights(restored.model).items()}
    with torch.no_grad():
        seen["output"] = restored.model(trial.inputs("fresh", BATCHES[0]))
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in seen.items()}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
