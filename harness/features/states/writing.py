"""Writing one sparsifier's state, as a user would save it, and what was seen with it."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray

from ...adapter.discovery import Found
from ...adapter.protocol import Sparsified
from ...errors import SparsecheckError
from ...oracle.compare import array
from ...trials.trial import Trial
from .setup_trial import LAYER, lacking, maker, pattern_of, trial_of
from .stored_states import MANIFEST, SEEN, STATE, File, Kept, keep, read_manifest, release_of

MASK, INPUT, OUTPUT = "mask/", "input", "output"
"""Names in the file of what was seen."""


class NotOffered(SparsecheckError):
    """The sparsifier does not offer what it takes to have a state kept."""


class AlreadyKept(SparsecheckError):
    """A state of that sparsifier is kept for this torch release; what is past is not written anew unasked."""


def write(folder: Path, found: Found, today: date, replace: bool = False) -> Kept:
    """Write the state of one sparsifier into the folder of the torch release here.

    Raises:
        NotOffered, AlreadyKept: there is nothing to write.
        InvalidState: the manifest that is there cannot be read.
        Exception: whatever the sparsifier raises.
    """
    release, name = release_of(str(torch.__version__)), found.name
    if lacks := lacking(found):
        raise NotOffered(f"it does not offer {', '.join(lacks)}")
    if not replace:
        _refuse_kept(folder, release, name)
    trial = trial_of(found, LAYER, pattern_of(found))
    with trial.guard.keep():
        state, seen = _written(trial)
    contents = {name + STATE: state, name + SEEN: seen}
    kept = Kept(
        distribution=found.adapter.distribution, layer=LAYER, pattern=trial.cell.pattern, maker=maker(found.adapter),
        date=today.isoformat(), files={file: File.of(data) for file, data in contents.items()},
    )
    keep(folder, release, name, kept, contents)
    return kept


def _refuse_kept(folder: Path, release: str, name: str) -> None:
    if (folder / release / MANIFEST).exists() and (kept := read_manifest(folder, release).states.get(name)):
        raise AlreadyKept(f"it was written on {kept.date} under torch {kept.maker.torch}; --replace writes it anew")


def _written(trial: Trial) -> tuple[bytes, bytes]:
    sparsified = trial.sparsified()
    saved, file = sparsified.save(), io.BytesIO()
    torch.save((saved.model, saved.sidecar), file)
    return file.getvalue(), safetensors.numpy.save(_seen(trial, sparsified))


def _seen(trial: Trial, sparsified: Sparsified) -> dict[str, NDArray[Any]]:
    inputs = trial.inputs("fresh")
    with torch.no_grad():
        output = sparsified.model(inputs)
    seen = {f"{MASK}{name}": np.ascontiguousarray(mask) for name, mask in sorted(trial.masks(sparsified).items())}
    return {INPUT: inputs.numpy(), **seen, OUTPUT: array(output).astype(np.float32)}
