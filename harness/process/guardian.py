"""The guardian: a small process that outlives this one for a moment, and cleans up if it is killed.

It ends the processes that this one started and removes its temporary folders, also after a SIGKILL, when nothing else
could. It notices the end of this process by the end of its standard input, so it works on every POSIX system.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NAME = "SPARSECHECK_RUN"
_PROGRAM = Path(__file__).with_name("guardian_main.py")


class Guardian:
    """The client of a guardian, which is started when the first thing is held.

    Attributes:
        mark: The environment variable, by name, that every process must inherit that is to end with this one.
    """

    def __init__(self) -> None:
        self.mark = {_NAME: secrets.token_hex(16)}
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def hold(self, kind: str, value: str) -> None:
        """Have the guardian clean up `value`, of kind `session` or `folder`, when this process has ended."""
        self._send("+", kind, value)

    def release(self, kind: str, value: str) -> None:
        """Have the guardian forget `value`."""
        self._send("-", kind, value)

    def _send(self, *words: str) -> None:
        with self._lock, suppress(OSError):
            if self._process is None:
                self._process = _start(self.mark)
            assert self._process.stdin is not None
            self._process.stdin.write(" ".join(words).encode() + b"\n")
            self._process.stdin.flush()

    def end(self) -> None:
        """Have the guardian clean up what is still held, and wait for its end."""
        with self._lock:
            if self._process is not None:
                with suppress(OSError):
                    self._process.communicate()
                self._process = None


def _start(mark: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a guardian in a session of its own, out of reach of the terminal."""
    [[name, value]] = mark.items()
    environment = {key: text for key, text in os.environ.items() if key != name}
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_PROGRAM), f"{name}={value}"], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, start_new_session=True,
    )


_guardians: dict[int, Guardian] = {}


def guardian() -> Guardian:
    """Return the guardian of this process; a process that is forked from it has another."""
    if (own := os.getpid()) not in _guardians:
        _guardians[own] = Guardian()
        atexit.register(_end, own)
    return _guardians[own]


def _end(process: int) -> None:
    """End the guardian at the end of its process, but not at the end of one that was forked from it."""
    if process == os.getpid():
        _guardians.pop(process).end()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a new folder, which is removed at the end of the block or of this process, however it ends."""
    folder = Path(tempfile.gettempdir()).absolute() / f"sparsecheck-{secrets.token_hex(8)}"
    name = os.fsencode(folder).hex()
    guardian().hold("folder", name)
    folder.mkdir(0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            guardian().release("folder", name)
