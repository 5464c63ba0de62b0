"""Fork server: reads one request per line on stdin and reports each child's start and end on stdout."""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from runpy import run_module

import msgspec

from .fork_client import Exited, ForkRequest, Started

_PRELOADED = ("pytest", "torch", "torch._dynamo", f"{__package__}.pytest_hooks", f"{__package__}.session")
"""Modules imported once for all children: torch's compiler too, because the first optimizer imports it, but no adapters
and no pytest plugins, which pytest must import itself."""


def serve() -> ForkRequest | None:
    """Fork a child per request.

    Returns:
        In a child, its request. In the server, None once stdin is closed.
    """
    answers, woken, wake = _open_channels()
    rest = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            for exited in _exited():
                _send(answers, exited)
        if 0 not in ready:
            continue
        if not (read := os.read(0, 65536)):
            return None
        *lines, rest = (rest + read).split(b"\n")
        for line in lines:
            if pid := os.fork():
                _send(answers, Started(pid))
                continue
            _close_channels(answers, woken, wake)
            return msgspec.json.decode(line, type=ForkRequest)


def _open_channels() -> tuple[int, int, int]:
    """Reserve stdout for messages, and let SIGCHLD wake `select`.

    Returns:
        The descriptor for messages to the parent, and both ends of the pipe that wakes `select`.
    """
    answers = os.dup(1)
    os.dup2(2, 1)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    return answers, woken, wake


def _close_channels(*descriptors: int) -> None:
    """Close the server's channels in a child, and restore the default handling of SIGCHLD."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor in descriptors:
        os.close(descriptor)


def _send(answers: int, message: Started | Exited) -> None:
    os.write(answers, msgspec.json.encode(message) + b"\n")


def _exited() -> Iterator[Exited]:
    """Yield the children that have ended since the last call."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield Exited(pid, os.waitstatus_to_exitcode(status))


def _enter(request: ForkRequest) -> None:
    """Give this child its own session, an empty stdin, and the log, environment and arguments of `request`."""
    os.setsid()
    for path, flags, descriptors in (
        (os.devnull, os.O_RDONLY, (0,)), (request.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, (1, 2)),
    ):
        opened = os.open(path, flags)
        for descriptor in descriptors:
            os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(request.environment)
    tempfile.tempdir = None
    sys.argv = [request.module, *request.arguments]


def main() -> None:
    """Preload the modules, then serve; in a child, run pytest or another module and exit with its code."""
    for name in _PRELOADED:
        import_module(name)
    gc.collect()
    gc.freeze()
    if (request := serve()) is None:
        return
    _enter(request)
    if request.module != "pytest":
        run_module(request.module, run_name="__main__", alter_sys=True)
        return
    import pytest

    sys.exit(pytest.main(sys.argv[1:]))


if __name__ == "__main__":
    main()
