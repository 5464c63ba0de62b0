"""Read stored references, and verify that they are complete, recorded in the manifest and up to date."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from msgspec import Struct
from numpy.typing import NDArray

from .. import reading
from ..errors import SparsecheckError
from ..values.contract import Score
from . import reference_tensors
from .reference_tensors import NETWORKS
from .tensor_changes import Arrays, changes, last_bits
from .units import Mask, Reals

MANIFEST = "MANIFEST.json"
FORMAT = 1
"""The version of the manifest's format."""

FOLDER = "oracle"
"""The subfolder of the references that the oracles computed."""

STATES = "states"
"""The subfolder of the states saved under other torch releases; its files are not references."""

RECORDED = "recorded"
"""The subfolder of the recordings that `sparsecheck diff` compares with."""

_FIX = "restore the file, or write it again with `sparsecheck reference write --reason TEXT`"


class InvalidReference(SparsecheckError):
    """Base of the errors for a reference that must not be used.

    Attributes:
        file: The file's name in the folder of references.
    """

    def __init__(self, file: str, what: str) -> None:
        super().__init__(f"reference {file}: {what}")
        self.args = (file, what)
        self.file = file


class MissingReference(InvalidReference):
    """Raised if a reference file, or a tensor in it, does not exist."""


class CorruptReference(InvalidReference):
    """Raised if a file cannot be read as safetensors, or as a manifest."""


class TamperedReference(InvalidReference):
    """Raised if a file is readable, but differs from the one that the manifest records."""


class OrphanReference(InvalidReference):
    """Raised if a file exists, but has no entry in the manifest."""


class StaleReference(InvalidReference):
    """Raised if the oracles compute other values than a file contains."""


class ChangedBytes(InvalidReference):
    """Raised if the oracles compute equal values, within tolerance, but the file's bytes differ."""


class Form(Struct, frozen=True):
    """Shape and dtype of a stored tensor."""

    shape: tuple[int, ...]
    dtype: str


class Entry(Struct, frozen=True, kw_only=True):
    """The manifest's entry for one file.

    Attributes:
        sha256: The digest of the file.
        size: Its size in bytes.
        tensors: Shape and dtype of each tensor, by name.
        made_by: The module that computed it.
        made_with: Library versions at that time; no byte of the file depends on them.
        date: The day of the last change.
        reason: The reason for the last change.
    """

    sha256: str
    size: int
    tensors: dict[str, Form]
    made_by: str
    made_with: dict[str, str]
    date: str
    reason: str


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """All stored files, by name in the folder of references."""

    files: dict[str, Entry] = {}
    format: int = FORMAT


@dataclass(frozen=True, eq=False)
class Reference:
    """The stored tensors for one network; the arrays are read-only."""

    file: str
    tensors: Arrays

    @property
    def inputs(self) -> NDArray[Any]:
        """Return one batch, (batch, *input_shape), float32, or int64 indices."""
        return self.tensors["input"]

    @property
    def parameters(self) -> dict[str, Reals]:
        """Return all parameters of the dense model by name, as float64 copies of float32 values."""
        return {name: values.astype(np.float64) for name, values in self._under("parameter").items()}

    def masks(self, pattern: str, score: Score) -> dict[str, Mask]:
        """Return the expected masks of a sparsifier that ranks by `score`, by parameter.

        Raises:
            MissingReference: None is stored for that pattern and score.
        """
        return self._under(f"mask/{self._key(pattern, score)}")

    def output(self, pattern: str, score: Score) -> Reals:
        """Return the expected output under those masks, float64.

        Raises:
            MissingReference: None is stored for that pattern and score.
        """
        return self.tensors[f"output/{self._key(pattern, score)}"]

    def _key(self, pattern: str, score: Score) -> str:
        key = reference_tensors.mask_key(pattern, score)
        if key is None or f"output/{key}" not in self.tensors:
            raise MissingReference(self.file, f"no masks are stored for pattern {pattern} ranked by {score}")
        return key

    def _under(self, prefix: str) -> dict[str, NDArray[Any]]:
        names = [name for name in self.tensors if name.startswith(f"{prefix}/")]
        return {name[len(prefix) + 1 :]: self.tensors[name] for name in names}


def home() -> Path:
    """Return the folder of references of this installation."""
    return Path(str(files("sparsecheck.reference")))


def file_of(token: str) -> str:
    """Return the file name for the network `token`."""
    return f"{FOLDER}/{token}.safetensors"


_AGREED: dict[tuple[str, str], Reference] = {}
"""By file and sha256, the references that this process has compared with the oracles."""


def load(token: str, folder: Path | None = None) -> Reference:
    """Return the reference for the network `token`.

    The file is verified at every call, and compared with the oracles once per process.

    Args:
        token: The value on the layer axis.
        folder: The folder of references; by default the installed one.

    Raises:
        InvalidReference: The reference must not be used; the class says why.
    """
    folder, file = folder or home(), file_of(token)
    manifest = read_manifest(folder)
    tensors = read(folder, file, manifest)
    known = file, manifest.files[file].sha256
    if known not in _AGREED:
        if problem := find_staleness(file, tensors):
            raise problem
        _AGREED[known] = Reference(file, tensors)
    return _AGREED[known]


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest in `folder`.

    Raises:
        MissingReference: There is none.
        CorruptReference: It is not a valid manifest.
    """
    try:
        manifest = reading.parse_json(_contents(folder, MANIFEST), Manifest)
    except reading.Malformed as error:
        raise CorruptReference(MANIFEST, f"it is not a valid manifest ({error}): {_FIX}") from None
    if manifest.format != FORMAT:
        raise CorruptReference(MANIFEST, f"it has format {manifest.format}; this sparsecheck reads format {FORMAT}")
    if stray := [file for file in manifest.files if not re.fullmatch(rf"{FOLDER}/[\w-]+\.safetensors", file)]:
        raise CorruptReference(MANIFEST, f"{stray[0]!r} is not the name of a reference: {_FIX}")
    return manifest


def read(folder: Path, file: str, manifest: Manifest) -> Arrays:
    """Read the tensors of one file, after verifying it against the manifest.

    Raises:
        MissingReference: The file or its entry does not exist.
        OrphanReference: The file has no entry.
        CorruptReference: The file is not safetensors.
        TamperedReference: The file differs from the recorded one.
    """
    entry = manifest_entry(folder, file, manifest)
    return _verified(file, _contents(folder, file), entry)


def manifest_entry(folder: Path, file: str, manifest: Manifest) -> Entry:
    """Return the manifest's entry for a file.

    Raises:
        OrphanReference: The file exists, but has no entry.
        MissingReference: Neither the file nor its entry exists.
    """
    if file in manifest.files:
        return manifest.files[file]
    if (folder / file).exists():
        fix = "delete it, or write it with `sparsecheck reference write --reason TEXT`"
        raise OrphanReference(file, f"{MANIFEST} has no entry for it: {fix}")
    raise MissingReference(file, f"neither the file nor its entry in {MANIFEST} exists: {_FIX}")


def _contents(folder: Path, file: str) -> bytes:
    try:
        return reading.read_bytes(folder / file)
    except reading.CannotRead as error:
        raise MissingReference(file, f"it cannot be read ({error}): {_FIX}") from None


def _verified(file: str, data: bytes, entry: Entry) -> Arrays:
    try:
        tensors = reading.parse_arrays(data)
    except reading.Malformed as error:
        raise CorruptReference(file, f"it is not a safetensors file ({error}): {_FIX}") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != entry.sha256:
        raise TamperedReference(file, f"its sha256 is {digest}, {MANIFEST} records {entry.sha256}: {_FIX}")
    if (len(data), tensor_forms(tensors)) != (entry.size, entry.tensors):
        raise TamperedReference(file, f"its size, shapes or dtypes differ from those in {MANIFEST}: {_FIX}")
    for tensor in tensors.values():
        tensor.setflags(write=False)
    return tensors


def tensor_forms(tensors: Arrays) -> dict[str, Form]:
    """Return shape and dtype of each tensor, sorted by name."""
    return {name: Form(tensor.shape, str(tensor.dtype)) for name, tensor in sorted(tensors.items())}


def compute(file: str) -> dict[str, NDArray[Any]]:
    """Compute the tensors of `file` with the oracles; return none for a file that they no longer make."""
    token = next((token for token in NETWORKS if file_of(token) == file), None)
    return {} if token is None else reference_tensors.compute_reference(token)


def serialize(tensors: Arrays) -> bytes:
    """Return the bytes of a safetensors file with `tensors`."""
    return safetensors.numpy.save(dict(tensors))


def find_changed_bytes(file: str, tensors: Arrays, entry: Entry) -> ChangedBytes | None:
    """Return an error if the oracles no longer produce the recorded bytes, else None."""
    anew = compute(file)
    digest = hashlib.sha256(serialize(anew)).hexdigest()
    if digest == entry.sha256:
        return None
    notes = [str(one) for one in (*changes(tensors, anew), *last_bits(tensors, anew))]
    form = f"safetensors {version('safetensors')} writes other bytes than {entry.made_with.get('safetensors')} did"
    more = f", and {len(notes) - 1} more of its tensors" if len(notes) > 1 else ""
    what = f"{notes[0]}{more}" if notes else f"all tensors are the same, but {form}"
    return ChangedBytes(file, f"computed again, its sha256 is {digest}, {MANIFEST} records {entry.sha256}: {what}")


def find_staleness(file: str, tensors: Arrays) -> StaleReference | None:
    """Return an error if the oracles no longer compute `tensors`, else None."""
    found = changes(tensors, compute(file))
    if not found:
        return None
    more = f", and {len(found) - 1} more of its {len(tensors)} tensors" if len(found) > 1 else ""
    return StaleReference(
        file,
        f"the oracles no longer compute its values: {found[0]}{more}; see `sparsecheck reference diff`, and fix the "
        "oracles, or write it again with `sparsecheck reference write --reason TEXT` if the change is intended",
    )
