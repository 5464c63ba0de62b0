"""What one sparsifier did on enumerated occasions, as a file: arrays, and one text of JSON among their metadata.

The same bytes for the same behaviour in the same environment; nothing is pickled. No torch here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import safetensors.numpy
from msgspec import Struct
from safetensors import SafetensorError

from ... import files
from ...errors import SparsecheckError
from ...files import CannotWrite
from ...oracle.references import Form
from ...oracle.tensor_changes import Arrays
from ...values.contract import Contract
from ...values.requirement import Profile

FORMAT = 1
"""The version of the form of these files."""

SUFFIX = ".safetensors"
_KEY = "sparsecheck"


class InvalidRecording(SparsecheckError):
    """What is named cannot be compared; the message says why."""


class NoRecording(InvalidRecording):
    """It is not there, or is no file that `sparsecheck record` wrote."""


class OtherFormat(InvalidRecording):
    """It was written by a sparsecheck whose recordings have another form."""


class TwoOfOneName(InvalidRecording):
    """Two files of one folder are on the same sparsifier."""


class Made(Struct, frozen=True):
    """Where it was recorded: versions, and the machine."""

    torch: str
    numpy: str
    python: str
    platform: str
    machine: str

    def __str__(self) -> str:
        return f"torch {self.torch}, numpy {self.numpy}, Python {self.python}, {self.platform} {self.machine}"


class Seen(Struct, frozen=True, kw_only=True):
    """One occasion, less its arrays.

    plan: each planned parameter with its pattern in words. inputs: sha256 of the dense model and of what it is given.
    raised: what attach, an update, forward or save raised, and which of them; what came after is not recorded. masks:
    as reported, of one that removes channels none. outputs: by stage. state, sidecar: what was saved after the first
    update. counts: by operation, how often each aten operator ran.
    """

    occasion: str
    plan: dict[str, str]
    inputs: str
    raised: str = ""
    masks: dict[str, Form] = {}
    outputs: dict[str, Form] = {}
    state: dict[str, Form] = {}
    sidecar: dict[str, Form] = {}
    counts: dict[str, dict[str, int]] = {}


class About(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is recorded of one sparsifier, less its arrays."""

    sparsifier: str
    distribution: str
    version: str
    profile: Profile
    contract: Contract
    made: Made
    seen: tuple[Seen, ...]
    format: int = FORMAT


@dataclass(frozen=True, eq=False)
class Recording:
    """What one sparsifier did. tensors: `dense MODEL NAME` of each planned weight, `mask OCCASION STAGE NAME` and
    `output OCCASION STAGE`."""

    about: About
    tensors: Arrays

    @property
    def seen(self) -> dict[str, Seen]:
        """By occasion."""
        return {one.occasion: one for one in self.about.seen}


def encode(recording: Recording) -> bytes:
    """The file's bytes."""
    text = msgspec.json.encode(recording.about).decode()
    return safetensors.numpy.save(dict(recording.tensors), {_KEY: text})


def read(file: Path) -> Recording:
    """The recording in one file.

    Raises:
        NoRecording, OtherFormat: there is none that could be compared.
    """
    try:
        data = file.read_bytes()
        tensors = safetensors.numpy.load(data)
        text = _metadata(data)[_KEY]
        version = msgspec.json.decode(text, type=_Version).format
    except OSError as error:
        raise NoRecording(f"{file} cannot be read ({error.strerror})") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise NoRecording(f"{file} is no recording ({error}): `sparsecheck record` writes one") from None
    if version != FORMAT:
        raise OtherFormat(f"{file}: its format is {version}, this sparsecheck reads {FORMAT}: record it again")
    try:
        return Recording(msgspec.json.decode(text, type=About), tensors)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NoRecording(f"{file} is no recording ({error}): `sparsecheck record` writes one") from None


class _Version(Struct):
    format: int


def _metadata(data: bytes) -> dict[str, str]:
    size = int.from_bytes(data[:8], "little")
    found: dict[str, str] = json.loads(data[8 : 8 + size]).get("__metadata__", {})
    return found


def read_all(path: Path) -> dict[str, Recording]:
    """The recording in a file, or all those in a folder, by sparsifier.

    Raises:
        InvalidRecording: one of its kinds.
    """
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise NoRecording(f"{path} holds no recording: `sparsecheck record --to {path}` writes some")
    found: dict[str, Recording] = {}
    for file in files:
        recording = read(file)
        if recording.about.sparsifier in found:
            raise TwoOfOneName(f"{file}: another file of {path} is on {recording.about.sparsifier}, too")
        found[recording.about.sparsifier] = recording
    return found


def write(recordings: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write the bytes of each recording, by sparsifier, into `folder`, which is made.

    Raises:
        CannotWrite: It cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(folder, error.strerror or str(error), "Name another folder with --to.") from None
    contents = {folder / f"{name}{SUFFIX}": data for name, data in recordings.items()}
    for file, data in contents.items():
        files.write(file, data)
    return list(contents)
