"""References kept: what is wrong with them, what a write would change, and the write. No torch here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import msgspec

from ... import files
from ...errors import SparsecheckError
from ...oracle import reference_tensors
from ...oracle.reference_tensors import NETWORKS
from ...oracle.references import (
    FOLDER,
    MANIFEST,
    RECORDED,
    STATES,
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
    """A write that does not say why."""


@dataclass(frozen=True)
class FileChange:
    """What a write would change in one file. damage: why the file as it is could not be used, if so.
    notes: the tensors that would change in their last bits alone, by which nothing is judged."""

    file: str
    tensors: tuple[Change, ...]
    damage: str = ""
    notes: tuple[LastBits, ...] = ()


def check(folder: Path, exact: bool = False) -> list[InvalidReference]:
    """Everything that is wrong with the references in `folder`, one problem a file; empty if nothing is.

    exact: whether it is wrong, too, if the oracles give other bytes than the manifest records.
    """
    try:
        manifest = read_manifest(folder)
    except InvalidReference as problem:
        return [problem]
    return [found for file in _every(folder, manifest) if (found := _problem(folder, file, manifest, exact))]


def _every(folder: Path, manifest: Manifest) -> list[str]:
    """The files recorded, those that should be, and those that are there."""
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
    """What a write would change, file by file; empty if nothing. A stray file is none of a write's business."""
    return tuple(_differences(folder, _manifest_or_new(folder)))


def _manifest_or_new(folder: Path) -> Manifest:
    try:
        return read_manifest(folder)
    except InvalidReference:
        return Manifest()


def _differences(folder: Path, manifest: Manifest) -> Iterator[FileChange]:
    for file in _accounted(manifest):
        stored, damage = _stored(folder, file, manifest)
        anew = compute(file)
        found, notes = changes(stored, anew), last_bits(stored, anew)
        if found or damage or notes:
            yield FileChange(file, found, damage, notes)


def _stored(folder: Path, file: str, manifest: Manifest) -> tuple[Arrays, str]:
    """What can be used of a file, and why it cannot be."""
    try:
        return read(folder, file, manifest), ""
    except InvalidReference as problem:
        return {}, str(problem)


def write(folder: Path, reason: str, today: date) -> tuple[FileChange, ...]:
    """Write what differs, and only that; log it. The manifest comes last, so that a write cut short shows.

    reason: why the references change. today: the date to log. Returns what was changed.

    Raises:
        EmptyReason: there is none.
        OrphanReference: a file is there that no one accounts for.
    """
    if not reason.strip():
        raise EmptyReason("references never change without a reason; give one with --reason TEXT")
    manifest = _manifest_or_new(folder)
    found = tuple(_differences(folder, manifest))
    _refuse_strays(folder, manifest)
    if found:
        entries, why = dict(manifest.files), " ".join(reason.split())
        for change in found:
            _write_file(folder, change.file, entries, why, today)
        _log(folder, found, why, today)
        text = msgspec.json.format(msgspec.json.encode(Manifest(dict(sorted(entries.items())))), indent=1)
        _replace(folder / MANIFEST, text + b"\n")
    return found


def _refuse_strays(folder: Path, manifest: Manifest) -> None:
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
    before = path.read_text("utf-8") if path.exists() else _HEAD
    lines = [f"- `{change.file}`: {_summed(change)}" for change in found]
    _replace(path, "\n".join([before.rstrip(), "", f"## {today}", "", reason, "", *lines, ""]).encode())


def _summed(change: FileChange) -> str:
    """In one line."""
    kinds = [one.kind for one in change.tensors]
    told = [f"{kinds.count(kind)} tensors {kind}" for kind in ("added", "removed") if kind in kinds]
    if changed := [one for one in change.tensors if one.kind == "changed"]:
        told.append(f"{len(changed)} tensors changed at {_extent(changed)}")
    if change.notes:
        count, most = sum(one.count for one in change.notes), max(one.ulp for one in change.notes)
        told.append(f"{len(change.notes)} tensors in the last bits of {count} entries, by at most {most} ULP")
    return ", ".join(told) or "recorded anew"


def _extent(changed: Sequence[Change]) -> str:
    count, size = sum(one.count for one in changed), sum(one.size for one in changed)
    largest = max(one.largest for one in changed)
    steps = [one.ulp for one in changed if one.ulp is not None]
    far = f", at most {max(steps)} ULP" if steps else ""
    return f"{count} of {size} entries, largest difference {largest:.3g}{far}"


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, data)


_HEAD = """\
# Where the references come from

Each file under `oracle/` holds, for one network, weights and an input that are exact in float32, and for each
canonical pattern the masks and the output that the NumPy oracles expect, in float64. They are computed by
`sparsecheck.oracle.reference_tensors` from enumerated streams alone; `MANIFEST.json` records each file's sha256, its
tensors, and when and why it last changed. `sparsecheck reference check` compares them with the oracles as
they are now, and with `--bytes` byte by byte; only `sparsecheck reference write --reason TEXT` changes them, and
adds to this log.
"""
