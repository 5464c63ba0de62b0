"""Bundles of snapshots: all those of one environment in one file, with the arrays beside it.

A bundle is JSON lines packed by gzip. The arrays are in a folder `tensors` beside it, in files named after their
digest, so that bundles of several versions of torch store equal arrays once. Does not import torch.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import safetensors.numpy
from msgspec import Struct

from ... import files, reading
from ...files import CannotWrite
from . import snapshot
from .snapshot import SUFFIX, DuplicateSparsifier, NotASnapshot, Snapshot, SnapshotMetadata

BUNDLE = ".jsonl.gz"
"""The end of the name of a bundle."""

TENSORS = "tensors"
_NAME = re.compile(r"[\w.-]+-([0-9a-f]{16})")


class _Line(Struct, frozen=True, forbid_unknown_fields=True):
    """One snapshot of a bundle.

    Attributes:
        tensors: The name of the file with its arrays, without suffix.
        metadata: Everything else.
    """

    tensors: str
    metadata: SnapshotMetadata


def write(snapshots: Mapping[str, Snapshot], bundle: Path) -> list[Path]:
    """Write a bundle, and those arrays that are not beside it yet.

    Raises:
        CannotWrite: A file cannot be written.
    """
    folder = bundle.parent / TENSORS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(folder, error.strerror or str(error), "Name another file with --to.") from None
    contents, lines = dict[Path, bytes](), list[bytes]()
    for name, one in sorted(snapshots.items()):
        data = safetensors.numpy.save(dict(one.tensors))
        file = f"{name}-{_digest(data)}"
        contents[folder / f"{file}{SUFFIX}"] = data
        lines.append(msgspec.json.encode(_Line(file, one.metadata)) + b"\n")
    written = {**{file: data for file, data in contents.items() if not file.exists()}, bundle: _pack(b"".join(lines))}
    files.write_all(written)
    return [*contents, bundle]


def read(path: Path) -> dict[str, Snapshot]:
    """Read a bundle, a snapshot file, or all snapshot files in a folder.

    Returns:
        The snapshots by sparsifier.

    Raises:
        InvalidSnapshot: There is none, one cannot be read, or two are of the same sparsifier.
    """
    if not path.name.endswith(BUNDLE):
        return snapshot.read_all(path)
    try:
        lines = reading.unpack(reading.read_bytes(path)).splitlines()
        found = [reading.parse_json(line, _Line) for line in lines]
    except reading.CannotRead as error:
        raise NotASnapshot(f"{path} is not a bundle of snapshots ({error})") from None
    if not found:
        raise NotASnapshot(f"{path} contains no snapshots; take some with `sparsecheck snapshot --to {path}`")
    by_name = {line.metadata.sparsifier: line for line in found}
    if len(by_name) < len(found):
        raise DuplicateSparsifier(f"{path} has two snapshots of the same sparsifier")
    return {name: _snapshot(path, line) for name, line in by_name.items()}


def _snapshot(bundle: Path, line: _Line) -> Snapshot:
    snapshot.check_format(bundle, line.metadata.format)
    match = _NAME.fullmatch(line.tensors)
    if match is None:
        raise NotASnapshot(f"{bundle} is not a bundle of snapshots ({line.tensors[:80]!r} names no file of arrays)")
    file = bundle.parent / TENSORS / f"{line.tensors}{SUFFIX}"
    try:
        data = reading.read_bytes(file)
        if _digest(data) != match[1]:
            raise NotASnapshot(f"{file} is not the file that {bundle} was written with; its digest is {_digest(data)}")
        return Snapshot(line.metadata, reading.parse_arrays(data))
    except reading.Malformed as error:
        raise NotASnapshot(f"{file} is not a file of arrays ({error})") from None
    except reading.CannotRead as error:
        raise NotASnapshot(f"{file}, which {bundle} needs, cannot be read ({error})") from None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _pack(data: bytes) -> bytes:
    """Return gzip data without a name and a time, so that equal content gives equal bytes."""
    target = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, target, mtime=0) as packed:
        packed.write(data)
    return target.getvalue()
