"""Copies of the references, and ways to damage them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pytest
import safetensors.numpy

from sparsecheck.features.references import manage
from sparsecheck.oracle import references
from sparsecheck.oracle.references import InvalidReference

LINEAR = "oracle/linear.safetensors"
FIX = "restore the file, or write it again with `sparsecheck reference write --reason TEXT`"
DAY = date(2026, 1, 31)
COMMITTED = Path(__file__).parents[1] / "reference"


def copied(to: Path) -> Path:
    """Copy the committed references."""
    return Path(shutil.copytree(COMMITTED, to / "reference", ignore=shutil.ignore_patterns("__pycache__", "recorded")))


def edit(folder: Path, change: Callable[[bytearray], object], file: str = LINEAR) -> None:
    data = bytearray((folder / file).read_bytes())
    change(data)
    (folder / file).write_bytes(data)


def flip_last_byte(data: bytearray) -> None:
    data[-1] ^= 1


def edit_manifest(folder: Path, change: Callable[[dict[str, dict[str, object]]], object]) -> None:
    manifest = msgspec.json.decode((folder / "MANIFEST.json").read_bytes())
    change(manifest["files"])
    (folder / "MANIFEST.json").write_bytes(msgspec.json.encode(manifest))


def record_anew(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    """Change the tensors of the linear file, and record the new file in the manifest."""
    tensors = {name: array.copy() for name, array in safetensors.numpy.load((folder / LINEAR).read_bytes()).items()}
    change(tensors)
    data = safetensors.numpy.save(tensors)
    (folder / LINEAR).write_bytes(data)
    forms = {name: {"shape": array.shape, "dtype": str(array.dtype)} for name, array in tensors.items()}
    new = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "tensors": forms}
    edit_manifest(folder, lambda files: files[LINEAR].update(new))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def only(folder: Path) -> InvalidReference:
    [problem] = manage.check(folder)
    return problem


def raised_by_load(folder: Path) -> InvalidReference:
    with pytest.raises(InvalidReference) as raised:
        references.load("linear", folder)
    return raised.value
