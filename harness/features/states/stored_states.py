"""The files of stored states, one folder per torch release, with a manifest each. Does not import torch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from ... import files, reading
from ...adapter.discovery import NAME
from ...errors import SparsecheckError

MANIFEST = "MANIFEST.json"
FORMAT = 1
"""The version of the manifest's format."""

STATE, SEEN = ".pt", ".safetensors"
"""The suffixes of the two files of a state: the file that a user would save, and the masks and output at that time."""

_RELEASE = re.compile(r"\d+\.\d+")


class InvalidState(SparsecheckError):
    """Raised if a stored state cannot be judged.

    Attributes:
        file: The path of the file below the folder of states.
    """

    def __init__(self, file: str, what: str) -> None:
        super().__init__(f"{file}: {what}")
        self.args = (file, what)
        self.file = file


class MissingState(InvalidState):
    """Raised if the manifest, or a file in it, is missing."""


class CorruptState(InvalidState):
    """Raised if the manifest or a file has another format than its name says."""


class TamperedState(InvalidState):
    """Raised if the content of a file is not the one in the manifest."""


class OrphanState(InvalidState):
    """Raised if a file is not in the manifest."""


class Maker(Struct, frozen=True):
    """The versions with which a state was written or read; `package` is that of the sparsifier's distribution."""

    torch: str
    numpy: str
    python: str
    sparsecheck: str
    package: str

    @property
    def release(self) -> str:
        """Return the torch release, such as `2.13` for `2.13.0+cpu`."""
        return release_of(self.torch)


class File(Struct, frozen=True):
    """The sha256 and size of one file."""

    sha256: str
    size: int

    @classmethod
    def of(cls, data: bytes) -> File:
        """Return the identity of a file with this content."""
        return cls(hashlib.sha256(data).hexdigest(), len(data))


class StoredState(Struct, frozen=True, kw_only=True):
    """The state of one sparsifier.

    Attributes:
        distribution: The package.
        layer: The name of the network.
        pattern: The name of the planned pattern.
        maker: The versions with which it was written.
        date: The date on which it was written.
        files: Its two files, by name.
    """

    distribution: str
    layer: str
    pattern: str
    maker: Maker
    date: str
    files: dict[str, File]


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """The states of one torch release, by sparsifier."""

    states: dict[str, StoredState] = {}
    format: int = FORMAT


def release_of(torch: str) -> str:
    """Return the release of a torch version, which is the name of its folder."""
    return ".".join(torch.split(".")[:2])


def releases(folder: Path) -> tuple[str, ...]:
    """Return the torch releases with states in `folder`, the oldest first."""
    found = [path.name for path in folder.iterdir() if path.is_dir() and _RELEASE.fullmatch(path.name)]
    return tuple(sorted(found, key=lambda release: tuple(map(int, release.split(".")))))


def read_manifest(folder: Path, release: str) -> Manifest:
    """Read the manifest of one release.

    Raises:
        MissingState: There is no manifest.
        CorruptState: The manifest is invalid or has another format.
    """
    file = f"{release}/{MANIFEST}"
    try:
        manifest = reading.parse_json(_contents(folder, file), Manifest)
    except reading.Malformed as error:
        raise CorruptState(file, f"it is not a valid manifest ({error}); restore the file") from None
    if manifest.format != FORMAT:
        raise CorruptState(file, f"it has format {manifest.format}, but this sparsecheck reads format {FORMAT}")
    for name, state in manifest.states.items():
        if not NAME.fullmatch(name) or set(state.files) != {name + STATE, name + SEEN}:
            raise CorruptState(file, f"its entry {name!r} is not one that sparsecheck writes; restore the file")
    return manifest


def read_bytes(folder: Path, release: str, state: StoredState, name: str) -> bytes:
    """Return the content of one file of a state, after checking it against the manifest.

    Raises:
        MissingState: The file is missing.
        TamperedState: The content is not the one in the manifest.
    """
    data = _contents(folder, f"{release}/{name}")
    if (found := File.of(data)) != state.files[name]:
        was = f"its sha256 is {found.sha256}, {MANIFEST} records {state.files[name].sha256}"
        raise TamperedState(f"{release}/{name}", f"{was}; it is not loaded; restore the file")
    return data


def orphans(folder: Path, release: str, manifest: Manifest) -> list[OrphanState]:
    """Return an error for each file that is not in the manifest; such files are never loaded."""
    known = {MANIFEST, *(file for state in manifest.states.values() for file in state.files)}
    strays = sorted(path.name for path in (folder / release).iterdir() if path.name not in known)
    return [OrphanState(f"{release}/{name}", f"{MANIFEST} has no entry for it; delete it") for name in strays]


def store(folder: Path, release: str, name: str, state: StoredState, contents: Mapping[str, bytes]) -> None:
    """Write one state and add it to the manifest, which is written last, so an interrupted write shows.

    Args:
        folder: The folder of states.
        release: The torch release.
        name: The sparsifier.
        state: Its entry for the manifest.
        contents: The content of its two files, by name.

    Raises:
        InvalidState: The existing manifest cannot be read.
    """
    there = (folder / release / MANIFEST).exists()
    manifest = read_manifest(folder, release) if there else Manifest()
    for file, data in contents.items():
        _replace(folder / release / file, data)
    states = dict(sorted({**manifest.states, name: state}.items()))
    text = msgspec.json.format(msgspec.json.encode(Manifest(states)), indent=1)
    _replace(folder / release / MANIFEST, text + b"\n")


def _contents(folder: Path, file: str) -> bytes:
    try:
        return reading.read_bytes(folder / file)
    except reading.CannotRead as error:
        raise MissingState(file, f"it cannot be read ({error}); restore the file") from None


def _replace(path: Path, data: bytes) -> None:
    with files.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, data)
