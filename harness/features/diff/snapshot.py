"""Snapshots of a sparsifier's numerical behaviour, and their files.

A snapshot file is a safetensors file: arrays, with the rest as JSON in its metadata. Equal behaviour in one environment
gives equal bytes; nothing is pickled. Does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import safetensors.numpy
from msgspec import Struct, field

from ... import files, reading
from ...errors import SparsecheckError
from ...files import CannotWrite
from ...oracle.references import Form
from ...oracle.tensor_changes import Arrays
from ...values.contract import Contract
from ...values.requirement import Profile

FORMAT = 1
"""The version of the file format."""

SUFFIX = ".safetensors"
_KEY = "sparsecheck"


class InvalidSnapshot(SparsecheckError):
    """Raised if a file or folder cannot be compared; the message says why."""


class NotASnapshot(InvalidSnapshot):
    """Raised if a file is missing or was not written by `sparsecheck snapshot`."""


class UnsupportedFormat(InvalidSnapshot):
    """Raised if a file was written by a version of sparsecheck with another file format."""


class DuplicateSparsifier(InvalidSnapshot):
    """Raised if two files in one folder are snapshots of the same sparsifier."""


class Provenance(Struct, frozen=True):
    """The versions and the machine with which a snapshot was taken."""

    torch: str
    numpy: str
    python: str
    platform: str
    machine: str

    def __str__(self) -> str:
        return f"torch {self.torch}, numpy {self.numpy}, Python {self.python}, {self.platform} {self.machine}"


class ScenarioResult(Struct, frozen=True, kw_only=True, rename={"scenario": "occasion"}):
    """The behaviour in one scenario, without its arrays.

    Attributes:
        scenario: The id of the scenario.
        plan: The pattern of each planned parameter, in words.
        inputs: The sha256 of the dense model and its inputs.
        raised: The operation that raised, and the signature of its exception, or an empty string. Later operations are
            not part of the snapshot.
        masks: Shape and dtype of each reported mask; empty for sparsifiers that remove channels.
        outputs: Shape and dtype of the output at each stage.
        state: Shape and dtype of each entry of the state dict saved after the first update.
        sidecar: The same for the sidecar.
        counts: By operation, how often each aten operator ran.
    """

    scenario: str
    plan: dict[str, str]
    inputs: str
    raised: str = ""
    masks: dict[str, Form] = {}
    outputs: dict[str, Form] = {}
    state: dict[str, Form] = {}
    sidecar: dict[str, Form] = {}
    counts: dict[str, dict[str, int]] = {}


class SnapshotMetadata(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"provenance": "made", "results": "seen"}
):
    """A snapshot without its arrays.

    Attributes:
        sparsifier: The registered name.
        distribution: The package.
        version: The version of the package.
        profile: The declared profile.
        contract: The declared contract.
        provenance: The versions and the machine.
        results: The behaviour per scenario.
        format: The version of the file format.
    """

    sparsifier: str
    distribution: str
    version: str
    profile: Profile
    contract: Contract
    provenance: Provenance
    results: tuple[ScenarioResult, ...]
    format: int = FORMAT


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The numerical behaviour of one sparsifier.

    Attributes:
        metadata: Everything but the arrays.
        tensors: The arrays by key: `dense MODEL NAME` for each planned weight, `mask SCENARIO STAGE NAME` and
            `output SCENARIO STAGE`.
    """

    metadata: SnapshotMetadata
    tensors: Arrays

    @property
    def results(self) -> dict[str, ScenarioResult]:
        """Return the results by scenario id."""
        return {one.scenario: one for one in self.metadata.results}


def encode(snapshot: Snapshot) -> bytes:
    """Return the bytes of the file of a snapshot."""
    text = msgspec.json.encode(snapshot.metadata).decode()
    return safetensors.numpy.save(dict(snapshot.tensors), {_KEY: text})


def read(file: Path) -> Snapshot:
    """Read a snapshot file.

    Raises:
        NotASnapshot: The file cannot be read, or is not a snapshot.
        UnsupportedFormat: The file has another version of the format.
    """
    try:
        data = reading.read_bytes(file)
        tensors = reading.parse_arrays(data)
        text = _metadata(data)
        check_format(file, reading.parse_json(text, _Version).format)
        return Snapshot(reading.parse_json(text, SnapshotMetadata), tensors)
    except reading.Malformed as error:
        raise NotASnapshot(f"{file} is not a snapshot ({error}); take one with `sparsecheck snapshot`") from None
    except reading.CannotRead as error:
        raise NotASnapshot(f"{file} cannot be read ({error})") from None


def check_format(file: Path, version: int) -> None:
    """Check that a file has the version of the format that is read here.

    Raises:
        UnsupportedFormat: It has another one.
    """
    if version != FORMAT:
        raise UnsupportedFormat(
            f"{file} has format {version}, but this sparsecheck reads format {FORMAT}; take the snapshot again"
        )


class _Version(Struct):
    format: int


class _Head(Struct):
    metadata: dict[str, str] = field(default_factory=dict, name="__metadata__")


def _metadata(data: bytes) -> str:
    size = int.from_bytes(data[:8], "little")
    found = reading.parse_json(data[8 : 8 + size], _Head).metadata
    if _KEY not in found:
        raise reading.Malformed(f"it has no entry {_KEY}")
    return found[_KEY]


def read_all(path: Path) -> dict[str, Snapshot]:
    """Read a snapshot file, or all those in a folder.

    Returns:
        The snapshots by sparsifier.

    Raises:
        InvalidSnapshot: There is none, one cannot be read, or two are of the same sparsifier.
    """
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise NotASnapshot(f"{path} contains no snapshots; take some with `sparsecheck snapshot --to {path}`")
    found: dict[str, Snapshot] = {}
    for file in files:
        snapshot = read(file)
        if snapshot.metadata.sparsifier in found:
            raise DuplicateSparsifier(f"{file} and another file in {path} are both of {snapshot.metadata.sparsifier}")
        found[snapshot.metadata.sparsifier] = snapshot
    return found


def write(snapshots: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write snapshots into a folder, which is created.

    Args:
        snapshots: The bytes of each snapshot, by sparsifier.
        folder: The folder.

    Raises:
        CannotWrite: The folder or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(folder, error.strerror or str(error), "Name another folder with --to.") from None
    contents = {folder / f"{name}{SUFFIX}": data for name, data in snapshots.items()}
    for file, data in contents.items():
        files.write(file, data)
    return list(contents)
