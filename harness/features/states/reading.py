"""Reading the states of every release under the torch here. Nothing of them is unpickled but by weights_only=True."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from safetensors import SafetensorError

from ...adapter.discovery import BrokenAdapter, Found, NotFound, find, load
from ...adapter.protocol import Saved, Sparsified
from ...errors import SparsecheckError
from ...oracle.compare import array, assert_close, assert_equal
from ...oracle.tensor_changes import Arrays
from ...oracle.ulps import describe_bit_changes
from ...process.environment import here
from ...report.expectation import read_expectations
from ...report.verdict import signature
from ...trials.restoring import load_safely, resume
from ...trials.trial import Trial
from ...values.violation import Violation, require
from .readings import Reading, Verdict
from .setup_trial import lacking, maker, trial_of
from .stored_states import SEEN, STATE, CorruptState, InvalidState, Kept, orphans, read_bytes, read_manifest, releases
from .writing import INPUT, MASK, OUTPUT

UNSAFE = "unsafe-to-load"
"""The kind of violation that `load_safely` raises."""


class Unavailable(SparsecheckError):
    """The sparsifier cannot be had here."""


def read_all(folder: Path, names: Sequence[str], files: Sequence[Path], today: date) -> Iterator[Reading]:
    """A verdict on every state in `folder`, of `names` alone if there are any; on every file that is no state's, too.

    files: adapter files, beside what is registered.
    """
    for release in releases(folder):
        reader = _Reader(folder, release, tuple(files), today)
        try:
            manifest = read_manifest(folder, release)
        except InvalidState as problem:
            yield reader.damaged(problem)
            continue
        yield from (reader.judged(name, kept) for name, kept in manifest.states.items() if name in (names or [name]))
        yield from map(reader.damaged, orphans(folder, release, manifest))


@dataclass(frozen=True)
class _Reader:
    """Of the states of one release."""

    folder: Path
    release: str
    files: tuple[Path, ...]
    today: date

    def damaged(self, problem: InvalidState) -> Reading:
        return Reading(sparsifier="", written=self.release, maker=None, reader=maker(None),
                       date=self.today.isoformat(), verdict="damaged", finding=str(problem))

    def judged(self, name: str, kept: Kept) -> Reading:
        found, told = None, _Told("restored")
        try:
            state, seen = self._contents(name, kept)
            found = _found(name, self.files)
            told = _judged(trial_of(found, kept.layer, kept.pattern), found, state, seen)
        except InvalidState as problem:
            told = _Told("damaged", str(problem))
        except Unavailable as reason:
            told = _Told("unavailable", str(reason))
        except Exception as error:
            told = _Told("failed", _sentence(error))
        return Reading(
            sparsifier=name, written=self.release, maker=kept.maker, reader=maker(found.adapter if found else None),
            date=self.today.isoformat(), verdict=told.verdict, finding=told.finding, moved=told.moved,
        )

    def _contents(self, name: str, kept: Kept) -> tuple[bytes, Arrays]:
        state, seen = (read_bytes(self.folder, self.release, kept, name + end) for end in (STATE, SEEN))
        _require_archive(f"{self.release}/{name}{STATE}", state)
        return state, _tensors(f"{self.release}/{name}{SEEN}", seen)


@dataclass(frozen=True)
class _Told:
    verdict: Verdict
    finding: str = ""
    moved: str = ""


def _judged(trial: Trial, found: Found, state: bytes, seen: Arrays) -> _Told:
    """What comes of a restore, and whether it is known that it fails so."""
    try:
        return _Told("restored", moved=_restored(trial, state, seen))
    except Exception as error:
        unsafe = isinstance(error, Violation) and error.kind == UNSAFE
        if reason := _known(trial, found, signature(error)):
            return _Told("known", f"{_sentence(error)}; known: {reason}")
        return _Told("unsafe" if unsafe else "failed", _sentence(error))


def _known(trial: Trial, found: Found, signature: str) -> str:
    """Why it is expected to fail so, by the expectations beside the adapter; empty if it is not."""
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
        raise Unavailable(f"it no longer offers {', '.join(lacks)}")
    return found


def _tensors(file: str, data: bytes) -> Arrays:
    try:
        tensors = safetensors.numpy.load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise CorruptState(file, f"it is no safetensors file ({error}); restore the file") from None
    if not {INPUT, OUTPUT} <= set(tensors):
        raise CorruptState(file, f"it has no {INPUT} or no {OUTPUT}; restore the file")
    return tensors


def _require_archive(file: str, data: bytes) -> None:
    """The one form that torch.save writes today: of the older ones, and of TorchScript's, some release of torch runs
    what they hold even by weights_only=True."""
    names = list[str]()
    with suppress(zipfile.BadZipFile):
        names = [name.rpartition("/")[2] for name in zipfile.ZipFile(io.BytesIO(data)).namelist()]
    if names.count("data.pkl") != 1 or "constants.pkl" in names:
        raise CorruptState(file, "it is no archive as torch.save writes it; it is not loaded; restore the file")


def _restored(trial: Trial, state: bytes, seen: Arrays) -> str:
    """How far the output has moved within its tolerance; empty if it has not.

    Raises:
        Violation: `unsafe-to-load`, `mask-missing`, `mask-differs` or `output-differs`.
    """
    with trial.guard.keep():
        model, sidecar = _pair(load_safely(io.BytesIO(state), "what was saved"))
        restored = resume(trial, Saved(model, sidecar))
        _judge_masks(trial, restored, seen)
        with torch.no_grad():
            output = restored.model(torch.tensor(seen[INPUT]))
    assert_close(output, seen[OUTPUT], trial.tolerance, "output-differs", "restored: output")
    return describe_bit_changes(seen[OUTPUT], array(output).astype(np.float32))


def _pair(loaded: object) -> tuple[dict[str, object], object]:
    is_pair = isinstance(loaded, tuple) and len(loaded) == 2 and isinstance(loaded[0], dict)
    require(is_pair, "no-state", f"what was saved is no pair of state dict and sidecar, but {type(loaded).__name__}")
    return loaded  # type: ignore[return-value]


def _judge_masks(trial: Trial, restored: Sparsified, seen: Arrays) -> None:
    masks = trial.masks(restored)
    expected = {name[len(MASK):]: mask for name, mask in seen.items() if name.startswith(MASK)}
    require(set(masks) == set(expected), "mask-missing",
            f"restored: there are masks for {', '.join(masks) or 'nothing'}, expected for {', '.join(expected)}")
    for name, mask in expected.items():
        assert_equal(masks[name], mask, "mask-differs", f"restored: mask of {name}")
