"""Restore a program's saved states, or resume a run, in another interpreter, one for all cells of a sparsifier.

An interpreter takes seconds to start, so it serves one request after another, and ends with its standard input. A saved
state goes there as files, and masks and output come back as arrays.
"""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from msgspec import Struct, json
from safetensors.torch import load_file
from torch import Tensor

from ..adapter.protocol import Adapter, Saved
from ..process.interpreter import SAFE_PATH, own_environment, python_command
from ..trials.fresh_process import MODEL, RESULT, SIDECAR, place_of
from ..trials.resumed_lives import save
from ..trials.resuming import Checkpoint, Outcome
from ..values.program import Dtype
from ..values.violation import Violation
from .taking import Skipped


class Request(Struct, frozen=True, tag="restore"):
    """A state to restore. The first line to the interpreter is an `AdapterPlace`, every other one a request.

    Attributes:
        program: The program, as JSON.
        dtype: The dtype of the model.
        training: The mode of every module of the dense model, by name.
        trainable: Whether each of its parameters requires gradients, by name.
    """

    program: str
    dtype: Dtype
    training: dict[str, bool]
    trainable: dict[str, bool]


class Resume(Struct, frozen=True, tag="resume"):
    """A run to resume from the checkpoint in the folder.

    Attributes:
        cell: The id of the cell, whose requirement says how the run goes on.
        threads: The number of threads that torch uses, by which sums may be rounded otherwise.
    """

    cell: str
    threads: int


class Answer(Struct, frozen=True):
    """The answer: the exception that restoring raised, or an empty string if the arrays are in the folder."""

    problem: str = ""


class Restorer:
    """An interpreter that restores what one adapter saves.

    Attributes:
        adapter: The adapter.

    Raises:
        Skipped: No interpreter can be started here.
    """

    def __init__(self, adapter: Adapter, name: str) -> None:
        self.adapter = adapter
        self._temporary = TemporaryDirectory(prefix="sparsecheck-")
        self._folder = Path(self._temporary.name)
        command = python_command(f"{__package__}.fresh_main", self._temporary.name)
        environment: dict[str, str] = {**own_environment(), **SAFE_PATH}
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
        except OSError as error:
            self._temporary.cleanup()
            raise Skipped(f"no interpreter can be started here: {error}") from None
        self._ask(place_of(adapter, name, self._folder))

    def restore(self, request: Request, saved: Saved) -> dict[str, Tensor]:
        """Return what the restored model has: every `mask NAME`, and `output`.

        Raises:
            Violation: It cannot be restored there (`fresh-interpreter-failed`).
        """
        torch.save(saved.model, self._folder / MODEL)
        torch.save(saved.sidecar, self._folder / SIDECAR)
        self._ask(request)
        return load_file(self._folder / RESULT)

    def resume(self, cell: str, checkpoint: Checkpoint) -> Outcome:
        """Return what a run has at its end that is resumed from `checkpoint`.

        Raises:
            Violation: It cannot be resumed there (`fresh-interpreter-failed`).
        """
        save(checkpoint, self._folder)
        self._ask(Resume(cell, torch.get_num_threads()))
        return load_file(self._folder / RESULT)

    def _ask(self, message: Any) -> None:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        line = b""
        try:
            with suppress(OSError):
                stdin.write(json.encode(message) + b"\n")
                stdin.flush()
                line = stdout.readline()
        except BaseException:  # a time limit, after which its next answer would be that to another request
            self.close()
            raise
        if not line.endswith(b"\n"):
            self.close()
            ended = f"the interpreter ended with exit status {self._process.returncode}"
            raise Violation("fresh-interpreter-failed", f"restore in a fresh interpreter: {ended}")
        if problem := json.decode(line, type=Answer).problem:
            raise Violation("fresh-interpreter-failed", f"restore in a fresh interpreter: {problem}")

    @property
    def is_open(self) -> bool:
        """Return whether it takes requests."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the interpreter."""
        with suppress(OSError):
            self._process.kill()
        self._process.communicate()
        self._temporary.cleanup()


_restorers: list[Restorer] = []
"""The interpreter that was asked last, if there is one."""


def restorer_of(adapter: Adapter, name: str) -> Restorer:
    """Return the interpreter of an adapter; it ends when another adapter needs one, or with this process.

    Raises:
        Skipped: None can be started here.
        Violation: The adapter cannot be loaded there (`fresh-interpreter-failed`).
    """
    while _restorers:
        if _restorers[-1].adapter is adapter and _restorers[-1].is_open:
            return _restorers[-1]
        _restorers.pop().close()
    _restorers.append(Restorer(adapter, name))
    return _restorers[-1]
