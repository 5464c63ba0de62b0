"""Read the states of every torch release under the installed one; unpickle only with `weights_only=True`."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import torch

from ...adapter.discovery import BrokenAdapter, Found, NotFound, find, load
from ...adapter.protocol import Saved, Sparsified
from ...errors import SparsecheckError
from ...oracle.compare import array, assert_close, assert_equal
from ...oracle.tensor_changes import Arrays
from ...oracle.ulps import describe_bit_changes
from ...process.environment import here
from ...reading import Malformed, parse_arrays
from ...report.expectation_file import read_expectations
from ...report.verdict import signature
from ...trials.restoring import load_safely, resume
from ...trials.trial import Trial
from ...values.violation import Violation, require
from .readings import Reading, Verdict
from .setup_trial import lacking, maker, trial_of
from .stored_states import (
    SEEN,
    STATE,
    CorruptState,
    InvalidState,
    StoredState,
    orphans,
    read_bytes,
    read_manifest,
    releases,
)
from .writing import INPUT, MASK, OUTPUT

UNSAFE = "unsafe-to-load"
"""The kind of violation that `load_safely` raises."""


class Unavailable(SparsecheckError):
    """Raised if the sparsifier of a state is not installed, or lacks a needed capability."""


def read_all(folder: Path, names: Sequence[str], files: Sequence[Path], today: date) -> Iterator[Reading]:
    """Yield a reading for every state in a folder, and for every file in it that belongs to no state.

    Args:
        folder: The folder of states.
        names: Only these sparsifiers, if there are any.
        files: Adapter files, in addition to the registered adapters.
        today: The date to record.
    """
    for release in releases(folder):
        reader = _Reader(folder, release, tuple(files), today)
        try:
            manifest = read_manifest(folder, release)
        except InvalidState as problem:
            yield reader.damaged(problem)
            continue
        yield from (reader.read(name, state) for name, state in manifest.states.items() if name in (names or [name]))
        yield from map(reader.damaged, orphans(folder, release, manifest))


@dataclass(frozen=True)
class _Reader:
    """Reads the states of one release."""

    folder: Path
    release: str
    files: tuple[Path, ...]
    today: date

    def damaged(self, problem: InvalidState) -> Reading:
        return Reading(sparsifier="", written=self.release, maker=None, reader=maker(None),
                       date=self.today.isoformat(), verdict="damaged", finding=str(problem))

    def read(self, name: str, stored: StoredState) -> Reading:
        found, result = None, _Result("restored")
        try:
            state, expected = self._contents(name, stored)
            found = _found(name, self.files)
            result = _judge(trial_of(found, stored.layer, stored.pattern), found, state, expected)
        except InvalidState as problem:
            result = _Result("damaged", str(problem))
        except Unavailable as reason:
            result = _Result("unavailable", str(reason))
        except Exception as error:
            result = _Result("failed", _sentence(error))
        return Reading(
            sparsifier=name, written=self.release, maker=stored.maker, reader=maker(found.adapter if found else None),
            date=self.today.isoformat(), verdict=result.verdict, finding=result.finding, moved=result.moved,
        )

    def _contents(self, name: str, stored: StoredState) -> tuple[bytes, Arrays]:
        state, expected = (read_bytes(self.folder, self.release, stored, name + end) for end in (STATE, SEEN))
        _require_archive(f"{self.release}/{name}{STATE}", state)
        return state, _tensors(f"{self.release}/{name}{SEEN}", expected)


@dataclass(frozen=True)
class _Result:
    verdict: Verdict
    finding: str = ""
    moved: str = ""


def _judge(trial: Trial, found: Found, state: bytes, expected: Arrays) -> _Result:
    """Restore a state and return the result, taking the adapter's expectations into account."""
    try:
        return _Result("restored", moved=_restore(trial, state, expected))
    except Exception as error:
        unsafe = isinstance(error, Violation) and error.kind == UNSAFE
        if reason := _known(trial, found, signature(error)):
            return _Result("known", f"{_sentence(error)}; known: {reason}")
        return _Result("unsafe" if unsafe else "failed", _sentence(error))


def _known(trial: Trial, found: Found, signature: str) -> str:
    """Return the reason in the adapter's expectations for this failure, or an empty string."""
    for entry in read_expectations(found.expectations, found.name):
        if entry.covers(trial.cell) and entry.holds(found.declaration, here()) and entry.explains(signature):
            return entry.reason
    return ""


def _sentence(error: Exception) -> str:
    words = " ".join(str(error).split())
    return words if isinstance(error, Violation) else f"restoring it raises {type(error).__name__}: {words}"


def _found(name: str, files: Sequence[Path]) -> Found:
    try:
        registration = find(name, files)
        if registration.lacking:
            raise Unavailable(registration.lacking)
        found = load(registration)
    except NotFound:
        raise Unavailable(f"no sparsifier is registered here as {name}") from None
    except BrokenAdapter as error:
        raise Violation("adapter-broken", str(error)) from None
    if lacks := lacking(found):
        raise Unavailable(f"it no longer supports {', '.join(lacks)}")
    return found


def _tensors(file: str, data: bytes) -> Arrays:
    try:
        tensors = parse_arrays(data)
    except Malformed as error:
        raise CorruptState(file, f"it is not a safetensors file ({error}); restore the file") from None
    if not {INPUT, OUTPUT} <= set(tensors):
        raise CorruptState(file, f"it has no {INPUT} or no {OUTPUT}; restore the file")
    return tensors


def _require_archive(file: str, data: bytes) -> None:
    """Raise unless the file is an archive as `torch.save` writes it today.

    Some torch releases execute code from older formats and from TorchScript files even with `weights_only=True`.

    Raises:
        CorruptState: The file has another format.
    """
    names = list[str]()
    with suppress(Exception):  # besides its own error, whatever zipfile raises for odd names, numbers and flags
        names = [name.rpartition("/")[2] for name in zipfile.ZipFile(io.BytesIO(data)).namelist()]
    if names.count("data.pkl") != 1 or "constants.pkl" in names:
        raise CorruptState(file, "it is not an archive of torch.save, so it is not loaded; restore the file")


def _restore(trial: Trial, state: bytes, expected: Arrays) -> str:
    """Restore a state, and describe the difference of its output within the tolerance; empty if there is none.

    Raises:
        Violation: `unsafe-to-load`, `mask-missing`, `mask-differs` or `output-differs`.
    """
    with trial.guard.keep():
        model, sidecar = _pair(load_safely(io.BytesIO(state), "the saved state"))
        restored = resume(trial, Saved(model, sidecar))
        _assert_masks(trial, restored, expected)
        with torch.no_grad():
            output = restored.model(torch.tensor(expected[INPUT]))
    assert_close(output, expected[OUTPUT], trial.tolerance, "output-differs", "restored: output")
    return describe_bit_changes(expected[OUTPUT], array(output).astype(np.float32))


def _pair(loaded: object) -> tuple[dict[str, object], object]:
    is_pair = isinstance(loaded, tuple) and len(loaded) == 2 and isinstance(loaded[0], dict)
    require(is_pair, "no-state",
            f"the saved state is not a pair of state dict and sidecar, but {type(loaded).__name__}")
    return loaded  # type: ignore[return-value]


def _assert_masks(trial: Trial, restored: Sparsified, stored: Arrays) -> None:
    masks = trial.masks(restored)
    expected = {name[len(MASK):]: mask for name, mask in stored.items() if name.startswith(MASK)}
    require(set(masks) == set(expected), "mask-missing",
            f"restored: there are masks for {', '.join(masks) or 'nothing'}, expected for {', '.join(expected)}")
    for name, mask in expected.items():
        assert_equal(masks[name], mask, "mask-differs", f"restored: mask of {name}")
