"""Check the stored references, compare them with the oracles, and write them. Does not import torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import msgspec

from ... import files, reading
from ...errors import SparsecheckError
from ...oracle import reference_tensors
from ...oracle.reference_tensors import NETWORKS
from ...oracle.references import (
    FOLDER,
    MANIFEST,
    RECORDED,
    STATES,
    CorruptReference,
    Entry,
    InvalidReference,
    Manifest,
    compute,
    file_of,
    find_changed_bytes,
    find_staleness,
    manifest_entry,
    read,
    read_manifest,
    serialize,
    tensor_forms,
)
from ...oracle.tensor_changes import Arrays, Change, LastBits, changes, last_bits

PROVENANCE = "PROVENANCE.md"


class EmptyReason(SparsecheckError):
    """Raised if references would be written without a reason."""


@dataclass(frozen=True)
class FileChange:
    """The changes that a write would make in one file.

    Attributes:
        file: The path of the file below the folder of references.
        tensors: The changed tensors.
        damage: The reason why the current file cannot be used, or an empty string.
        notes: Tensors that differ only in their last bits, which affects no verdict.
    """

    file: str
    tensors: tuple[Change, ...]
    damage: str = ""
    notes: tuple[LastBits, ...] = ()


def check(folder: Path, exact: bool = False) -> list[InvalidReference]:
    """Return the problems of the references in `folder`, at most one per file.

    Args:
        folder: The folder of references.
        exact: Whether it is a problem if the oracles give other bytes than the manifest records.
    """
    try:
        manifest = read_manifest(folder)
    except InvalidReference as problem:
        return [problem]
    return [found for file in _every(folder, manifest) if (found := _problem(folder, file, manifest, exact))]


def _every(folder: Path, manifest: Manifest) -> list[str]:
    """Return the files in the manifest, those that the oracles produce, and those in the folder."""
    stored = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in (STATES, RECORDED)
        and (path.suffix == ".safetensors" or path.parent == folder / FOLDER)
    }
    return sorted(stored | set(_accounted(manifest)))


def _accounted(manifest: Manifest) -> list[str]:
    return sorted({*manifest.files, *map(file_of, NETWORKS)})


def _problem(folder: Path, file: str, manifest: Manifest, exact: bool) -> InvalidReference | None:
    try:
        tensors = read(folder, file, manifest)
        problem = find_staleness(file, tensors)
        return find_changed_bytes(file, tensors, manifest.files[file]) if exact and not problem else problem
    except InvalidReference as problem:
        return problem


def difference(folder: Path) -> tuple[FileChange, ...]:
    """Return the changes that a write would make, per file; unknown files are ignored."""
    return tuple(_differences(folder, _manifest_or_new(folder)))


def _manifest_or_new(folder: Path) -> Manifest:
    try:
        return read_manifest(folder)
    except InvalidReference:
        return Manifest()


def _differences(folder: Path, manifest: Manifest) -> Iterator[FileChange]:
    for file in _accounted(manifest):
        stored, damage = _stored(folder, file, manifest)
        computed = compute(file)
        found, notes = changes(stored, computed), last_bits(stored, computed)
        if found or damage or notes:
            yield FileChange(file, found, damage, notes)


def _stored(folder: Path, file: str, manifest: Manifest) -> tuple[Arrays, str]:
    """Return the tensors of a file, and the reason why they cannot be used, or an empty string."""
    try:
        return read(folder, file, manifest), ""
    except InvalidReference as problem:
        return {}, str(problem)


def write(folder: Path, reason: str, today: date) -> tuple[FileChange, ...]:
    """Write the files that differ, and log the reason. The manifest is written last, so an interrupted write shows.

    Args:
        folder: The folder of references.
        reason: The reason for the change.
        today: The date for the log.

    Returns:
        The changes.

    Raises:
        EmptyReason: The reason is empty.
        OrphanReference: The folder contains an unknown file.
    """
    if not reason.strip():
        raise EmptyReason("references never change without a reason; give one with --reason TEXT")
    manifest = _manifest_or_new(folder)
    found = tuple(_differences(folder, manifest))
    _check_no_strays(folder, manifest)
    if found:
        entries, why = dict(manifest.files), " ".join(reason.split())
        for change in found:
            _write_file(folder, change.file, entries, why, today)
        _log(folder, found, why, today)
        text = msgspec.json.format(msgspec.json.encode(Manifest(dict(sorted(entries.items())))), indent=1)
        _replace(folder / MANIFEST, text + b"\n")
    return found


def _check_no_strays(folder: Path, manifest: Manifest) -> None:
    for file in _every(folder, manifest):
        if file not in map(file_of, NETWORKS):
            manifest_entry(folder, file, manifest)


def _write_file(folder: Path, file: str, entries: dict[str, Entry], reason: str, today: date) -> None:
    tensors = compute(file)
    if not tensors:
        (folder / file).unlink(missing_ok=True)
        del entries[file]
        return
    data = serialize(tensors)
    entries[file] = Entry(
        sha256=hashlib.sha256(data).hexdigest(), size=len(data), tensors=tensor_forms(tensors),
        made_by=reference_tensors.__name__,
        made_with={name: version(name) for name in ("numpy", "safetensors", "sparsecheck")},
        date=today.isoformat(), reason=reason,
    )
    _replace(folder / file, data)


def _log(folder: Path, found: tuple[FileChange, ...], reason: str, today: date) -> None:
    path = folder / PROVENANCE
    before = _provenance(path) if path.exists() else _HEAD
    lines = [f"- `{change.file}`: {_summary(change)}" for change in found]
    _replace(path, "\n".join([before.rstrip(), "", f"## {today}", "", reason, "", *lines, ""]).encode())


def _provenance(path: Path) -> str:
    try:
        return reading.read_text(path)
    except reading.CannotRead as error:
        raise CorruptReference(path.name, f"it cannot be read ({error}); restore the file") from None


def _summary(change: FileChange) -> str:
    """Return the changes of one file in one line."""
    kinds = [one.kind for one in change.tensors]
    parts = [f"{kinds.count(kind)} tensors {kind}" for kind in ("added", "removed") if kind in kinds]
    if changed := [one for one in change.tensors if one.kind == "changed"]:
        parts.append(f"{len(changed)} tensors changed at {_extent(changed)}")
    if change.notes:
        count, most = sum(one.count for one in change.notes), max(one.ulp for one in change.notes)
        parts.append(f"{len(change.notes)} tensors in the last bits of {count} entries, by at most {most} ULP")
    return ", ".join(parts) or "written again"


def _extent(changed: Sequence[Change]) -> str:
    count, size = sum(one.count for one in changed), sum(one.size for one in changed)
    largest = max(one.largest for one in changed)
    steps = [one.ulp for one in changed if one.ulp is not None]
    ulp = f", at most {max(steps)} ULP" if steps else ""
    return f"{count} of {size} entries, largest difference {largest:.3g}{ulp}"


def _replace(path: Path, data: bytes) -> None:
    with files.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, data)


_HEAD = """\
# Origin of the references

Each file under `oracle/` contains, for one network, weights and an input that are exact in float32, and for each
canonical pattern the masks and the output that the NumPy oracles compute in float64. `MANIFEST.json` records the
sha256 and the tensors of each file, and when and why it last changed. `sparsecheck.oracle.reference_tensors` computes
the files from enumerated random numbers alone. `sparsecheck reference check` compares them with the oracles, with
`--bytes` byte by byte; only `sparsecheck reference write --reason TEXT` changes them and adds to this log.
"""
