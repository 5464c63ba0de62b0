"""Stored references, read: nothing is judged by one that is not whole, recorded and fresh. No torch here."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import safetensors.numpy
from msgspec import Struct
from numpy.typing import NDArray
from safetensors import SafetensorError

from ..values.contract import Score
from . import reference_tensors
from .reference_tensors import NETWORKS
from .tensor_changes import Arrays, changes, last_bits
from .units import Mask, Reals

MANIFEST = "MANIFEST.json"
FORMAT = 1
"""The version of the manifest's form."""

FOLDER = "oracle"
"""Where the files lie, in the folder of references."""

STATES = "states"
"""Where the states that were saved under other torch releases lie; what is theirs is no reference."""

RECORDED = "recorded"
"""The folder, among the references, of the recordings that `sparsecheck diff` compares with."""

_MEND = "restore the file, or write it anew with `sparsecheck reference write --reason TEXT`"


class InvalidReference(ValueError):
    """A reference by which nothing may be judged. file: which, under the folder of references."""

    def __init__(self, file: str, what: str) -> None:
        super().__init__(file, what)
        self.file = file

    def __str__(self) -> str:
        return f"reference {self.args[0]}: {self.args[1]}"


class MissingReference(InvalidReference):
    """The file, or what was sought in it, is not there."""


class CorruptReference(InvalidReference):
    """The file is not what its name says: no safetensors, or no manifest."""


class TamperedReference(InvalidReference):
    """The file is whole, but is not the one that the manifest records."""


class OrphanReference(InvalidReference):
    """The file is there, but the manifest does not know it."""


class StaleReference(InvalidReference):
    """The oracles no longer give what the file holds."""


class ChangedBytes(InvalidReference):
    """The oracles give what the file holds, as far as it is compared, but another file."""


class Form(Struct, frozen=True):
    """Shape and dtype of one stored tensor."""

    shape: tuple[int, ...]
    dtype: str


class Entry(Struct, frozen=True, kw_only=True):
    """What the manifest records of one file.

    made_by: the module that computed it. made_with: versions then, which no byte of the file depends on.
    date, reason: when and why it last changed.
    """

    sha256: str
    size: int
    tensors: dict[str, Form]
    made_by: str
    made_with: dict[str, str]
    date: str
    reason: str


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """Every stored file, by its name under the folder of references."""

    files: dict[str, Entry] = {}
    format: int = FORMAT


@dataclass(frozen=True, eq=False)
class Reference:
    """What is stored for one network; its arrays are read-only."""

    file: str
    tensors: Arrays

    @property
    def inputs(self) -> NDArray[Any]:
        """One batch, (batch, *input_shape), float32, or int64 indices."""
        return self.tensors["input"]

    @property
    def parameters(self) -> dict[str, Reals]:
        """All parameters of the dense model, by name: float64 copies of what is exact in float32."""
        return {name: values.astype(np.float64) for name, values in self._under("parameter").items()}

    def masks(self, pattern: str, score: Score) -> dict[str, Mask]:
        """The masks expected of a sparsifier that ranks by `score`, by parameter.

        Raises:
            MissingReference: none is stored for that pattern and score.
        """
        return self._under(f"mask/{self._key(pattern, score)}")

    def output(self, pattern: str, score: Score) -> Reals:
        """The output expected under those masks, float64.

        Raises:
            MissingReference: none is stored for that pattern and score.
        """
        return self.tensors[f"output/{self._key(pattern, score)}"]

    def _key(self, pattern: str, score: Score) -> str:
        key = reference_tensors.mask_key(pattern, score)
        if key is None or f"output/{key}" not in self.tensors:
            raise MissingReference(self.file, f"no masks are stored for the pattern {pattern} ranked by {score}")
        return key

    def _under(self, prefix: str) -> dict[str, NDArray[Any]]:
        names = [name for name in self.tensors if name.startswith(f"{prefix}/")]
        return {name[len(prefix) + 1 :]: self.tensors[name] for name in names}


def home() -> Path:
    """The folder of references that was installed with this sparsecheck."""
    return Path(str(files("sparsecheck.reference")))


def file_of(token: str) -> str:
    """The file for network `token`."""
    return f"{FOLDER}/{token}.safetensors"


_AGREED: dict[tuple[str, str], Reference] = {}
"""By file and sha256: what this process has found to be what the oracles give."""


def load(token: str, folder: Path | None = None) -> Reference:
    """The reference of network `token`: verified each time, compared with the oracles once a process.

    Raises:
        InvalidReference: one of its kinds.
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
    """The manifest in `folder`.

    Raises:
        MissingReference: there is none.
        CorruptReference: it cannot be read as one.
    """
    try:
        manifest = msgspec.json.decode(_contents(folder, MANIFEST), type=Manifest)
    except msgspec.MsgspecError as error:
        raise CorruptReference(MANIFEST, f"no manifest can be read from it ({error}): {_MEND}") from None
    if manifest.format != FORMAT:
        raise CorruptReference(MANIFEST, f"its format is {manifest.format}, this sparsecheck reads format {FORMAT}")
    if stray := [file for file in manifest.files if not re.fullmatch(rf"{FOLDER}/[\w-]+\.safetensors", file)]:
        raise CorruptReference(MANIFEST, f"{stray[0]!r} is no name of a reference: {_MEND}")
    return manifest


def read(folder: Path, file: str, manifest: Manifest) -> Arrays:
    """The tensors of one file, once it is seen to be the one recorded.

    Raises:
        MissingReference, OrphanReference, CorruptReference, TamperedReference: it is not.
    """
    entry = manifest_entry(folder, file, manifest)
    return _verified(file, _contents(folder, file), entry)


def manifest_entry(folder: Path, file: str, manifest: Manifest) -> Entry:
    """What the manifest records of one file.

    Raises:
        OrphanReference, MissingReference: nothing; the file is there all the same, or is not.
    """
    if file in manifest.files:
        return manifest.files[file]
    if (folder / file).exists():
        raise OrphanReference(file, f"{MANIFEST} has no entry for it: delete it, or have it written by sparsecheck")
    raise MissingReference(file, f"neither the file nor its entry in {MANIFEST} is there: {_MEND}")


def _contents(folder: Path, file: str) -> bytes:
    try:
        return (folder / file).read_bytes()
    except OSError as error:
        raise MissingReference(file, f"it cannot be read ({error.strerror}): {_MEND}") from None


def _verified(file: str, data: bytes, entry: Entry) -> Arrays:
    try:
        tensors = safetensors.numpy.load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise CorruptReference(file, f"it is no safetensors file ({error}): {_MEND}") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != entry.sha256:
        raise TamperedReference(file, f"its sha256 is {digest}, {MANIFEST} records {entry.sha256}: {_MEND}")
    if (len(data), tensor_forms(tensors)) != (entry.size, entry.tensors):
        raise TamperedReference(file, f"{MANIFEST} records another size, shape or dtype than it has: {_MEND}")
    for tensor in tensors.values():
        tensor.setflags(write=False)
    return tensors


def tensor_forms(tensors: Arrays) -> dict[str, Form]:
    """Shape and dtype of each tensor, by sorted name."""
    return {name: Form(tensor.shape, str(tensor.dtype)) for name, tensor in sorted(tensors.items())}


def compute(file: str) -> dict[str, NDArray[Any]]:
    """What the oracles give for `file`; nothing for one that they no longer make."""
    token = next((token for token in NETWORKS if file_of(token) == file), None)
    return {} if token is None else reference_tensors.compute_reference(token)


def serialize(tensors: Arrays) -> bytes:
    """The file that holds `tensors`."""
    return safetensors.numpy.save(dict(tensors))


def find_changed_bytes(file: str, tensors: Arrays, entry: Entry) -> ChangedBytes | None:
    """What is to be said if the oracles no longer give the very bytes that are recorded; None if they do."""
    anew = compute(file)
    digest = hashlib.sha256(serialize(anew)).hexdigest()
    if digest == entry.sha256:
        return None
    notes = [str(one) for one in (*changes(tensors, anew), *last_bits(tensors, anew))]
    form = f"safetensors {version('safetensors')} writes it otherwise than {entry.made_with.get('safetensors')} did"
    more = f", and {len(notes) - 1} more of its tensors" if len(notes) > 1 else ""
    what = f"{notes[0]}{more}" if notes else f"all tensors are the same, but {form}"
    return ChangedBytes(file, f"made anew, its sha256 is {digest}, {MANIFEST} records {entry.sha256}: {what}")


def find_staleness(file: str, tensors: Arrays) -> StaleReference | None:
    """What is to be said if the oracles no longer give `tensors`; None if they do."""
    found = changes(tensors, compute(file))
    if not found:
        return None
    more = f", and {len(found) - 1} more of its {len(tensors)} tensors" if len(found) > 1 else ""
    return StaleReference(
        file,
        f"the oracles no longer give what it holds: {found[0]}{more}; see `sparsecheck reference diff`, and mend "
        "the oracles, or write it anew with a reason if the change is meant",
    )
