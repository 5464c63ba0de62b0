"""The states that are kept, and what is recorded of each: by torch release, a folder each. No torch here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from ... import files
from ...adapter.discovery import NAME
from ...errors import SparsecheckError

MANIFEST = "MANIFEST.json"
FORMAT = 1
"""The version of the manifest's form."""

STATE, SEEN = ".pt", ".safetensors"
"""How the two files of a state end: what a user saves, and the masks and the output that were seen with it."""

_RELEASE = re.compile(r"\d+\.\d+")


class InvalidState(SparsecheckError):
    """A kept state that cannot be judged. file: which, under the folder of states."""

    def __init__(self, file: str, what: str) -> None:
        super().__init__(f"{file}: {what}")
        self.args = (file, what)
        self.file = file


class MissingState(InvalidState):
    """The manifest or a file that it records is not there."""


class CorruptState(InvalidState):
    """The manifest or a file is not what its name says."""


class TamperedState(InvalidState):
    """The file is there, but is not the one that the manifest records."""


class OrphanState(InvalidState):
    """The file is there, but the manifest does not know it."""


class Maker(Struct, frozen=True):
    """Versions under which a state was written, or read. package: of the sparsifier's distribution."""

    torch: str
    numpy: str
    python: str
    sparsecheck: str
    package: str

    @property
    def release(self) -> str:
        """The torch release, `2.13` of `2.13.0+cpu`."""
        return release_of(self.torch)


class File(Struct, frozen=True):
    """What identifies the bytes of one file."""

    sha256: str
    size: int

    @classmethod
    def of(cls, data: bytes) -> File:
        return cls(hashlib.sha256(data).hexdigest(), len(data))


class Kept(Struct, frozen=True, kw_only=True):
    """One sparsifier's state. layer, pattern: the network and what was planned in it. date: when it was written."""

    distribution: str
    layer: str
    pattern: str
    maker: Maker
    date: str
    files: dict[str, File]


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """The states of one torch release, by the name of the sparsifier."""

    states: dict[str, Kept] = {}
    format: int = FORMAT


def release_of(torch: str) -> str:
    """The release of a version of torch, as its folder is called."""
    return ".".join(torch.split(".")[:2])


def releases(folder: Path) -> tuple[str, ...]:
    """The torch releases that `folder` has states of, the oldest first."""
    found = [path.name for path in folder.iterdir() if path.is_dir() and _RELEASE.fullmatch(path.name)]
    return tuple(sorted(found, key=lambda release: tuple(map(int, release.split(".")))))


def read_manifest(folder: Path, release: str) -> Manifest:
    """What is recorded of one release.

    Raises:
        MissingState, CorruptState: there is no manifest, or none can be read from it.
    """
    file = f"{release}/{MANIFEST}"
    try:
        manifest = msgspec.json.decode(_contents(folder, file), type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CorruptState(file, f"no manifest can be read from it ({error}); restore the file") from None
    if manifest.format != FORMAT:
        raise CorruptState(file, f"its format is {manifest.format}, this sparsecheck reads format {FORMAT}")
    for name, kept in manifest.states.items():
        if not NAME.fullmatch(name) or set(kept.files) != {name + STATE, name + SEEN}:
            raise CorruptState(file, f"it records {name!r} otherwise than sparsecheck does; restore the file")
    return manifest


def read_bytes(folder: Path, release: str, kept: Kept, name: str) -> bytes:
    """The contents of one file of a state, once they are seen to be those recorded.

    Raises:
        MissingState, TamperedState: they are not.
    """
    data = _contents(folder, f"{release}/{name}")
    if (found := File.of(data)) != kept.files[name]:
        was = f"its sha256 is {found.sha256}, {MANIFEST} records {kept.files[name].sha256}"
        raise TamperedState(f"{release}/{name}", f"{was}; it is not loaded; restore the file")
    return data


def orphans(folder: Path, release: str, manifest: Manifest) -> list[OrphanState]:
    """The files that the manifest does not know; they are never loaded."""
    known = {MANIFEST, *(file for kept in manifest.states.values() for file in kept.files)}
    strays = sorted(path.name for path in (folder / release).iterdir() if path.name not in known)
    return [OrphanState(f"{release}/{name}", f"{MANIFEST} has no entry for it; delete it") for name in strays]


def keep(folder: Path, release: str, name: str, kept: Kept, contents: Mapping[str, bytes]) -> None:
    """Write one state and record it; the manifest comes last, so that a write cut short shows.

    Raises:
        InvalidState: the manifest that is there cannot be read.
    """
    there = (folder / release / MANIFEST).exists()
    manifest = read_manifest(folder, release) if there else Manifest()
    for file, data in contents.items():
        _replace(folder / release / file, data)
    states = dict(sorted({**manifest.states, name: kept}.items()))
    text = msgspec.json.format(msgspec.json.encode(Manifest(states)), indent=1)
    _replace(folder / release / MANIFEST, text + b"\n")


def _contents(folder: Path, file: str) -> bytes:
    try:
        return (folder / file).read_bytes()
    except OSError as error:
        raise MissingState(file, f"it cannot be read ({error.strerror}); restore the file") from None


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, data)
