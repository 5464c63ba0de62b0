"""Write the state of a sparsifier as a user would save it, together with its masks and output."""

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
from .stored_states import MANIFEST, SEEN, STATE, File, StoredState, read_manifest, release_of, store

MASK, INPUT, OUTPUT = "mask/", "input", "output"
"""Names of the tensors in the file of masks and output."""


class NotOffered(SparsecheckError):
    """Raised if the sparsifier lacks a capability that a stored state needs."""


class AlreadyStored(SparsecheckError):
    """Raised if there is already a state of the sparsifier for this torch release."""


def write(folder: Path, found: Found, today: date, replace: bool = False) -> StoredState:
    """Write the state of one sparsifier into the folder of the installed torch release.

    Args:
        folder: The folder of states.
        found: The loaded adapter.
        today: The date to record.
        replace: Whether to replace an existing state.

    Raises:
        NotOffered: The sparsifier lacks a needed capability.
        AlreadyStored: There is a state already, and `replace` is false.
        InvalidState: The existing manifest cannot be read.
        Exception: Any exception of the sparsifier.
    """
    release, name = release_of(str(torch.__version__)), found.name
    if lacks := lacking(found):
        raise NotOffered(f"it does not support {', '.join(lacks)}")
    if not replace:
        _check_not_stored(folder, release, name)
    trial = trial_of(found, LAYER, pattern_of(found))
    with trial.guard.keep():
        state, seen = _written(trial)
    contents = {name + STATE: state, name + SEEN: seen}
    stored = StoredState(
        distribution=found.adapter.distribution, layer=LAYER, pattern=trial.cell.pattern, maker=maker(found.adapter),
        date=today.isoformat(), files={file: File.of(data) for file, data in contents.items()},
    )
    store(folder, release, name, stored, contents)
    return stored


def _check_not_stored(folder: Path, release: str, name: str) -> None:
    if (folder / release / MANIFEST).exists() and (stored := read_manifest(folder, release).states.get(name)):
        raise AlreadyStored(
            f"it was written on {stored.date} under torch {stored.maker.torch}; use --replace to write it again"
        )


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
