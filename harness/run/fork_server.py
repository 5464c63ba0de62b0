"""The process that forks: reads what is wanted from standard input, a line each, and tells who began and who ended."""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
from collections.abc import Iterator
from importlib import import_module

import msgspec

from .fork_client import Begun, Ended, Wanted

_HELD = ("pytest", "torch", "torch._dynamo", f"{__package__}.pytest_hooks", f"{__package__}.session")
"""Imported once for all; torch's compiler too, as the first optimizer imports it. Neither an adapter nor a pytest
plugin, which pytest is to import itself."""


def serve() -> Wanted | None:
    """What this process, a child, is to do; None in the parent, once nothing more is wanted."""
    answers = os.dup(1)
    os.dup2(2, 1)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    rest = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            for ended in _ended():
                os.write(answers, msgspec.json.encode(ended) + b"\n")
        if 0 not in ready:
            continue
        if not (read := os.read(0, 65536)):
            return None
        *lines, rest = (rest + read).split(b"\n")
        for line in lines:
            if pid := os.fork():
                os.write(answers, msgspec.json.encode(Begun(pid)) + b"\n")
                continue
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (answers, woken, wake):
                os.close(descriptor)
            return msgspec.json.decode(line, type=Wanted)


def _ended() -> Iterator[Ended]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield Ended(pid, os.waitstatus_to_exitcode(status))


def _settle(wanted: Wanted) -> None:
    """A session of its own, nothing to read, and its own log, environment and arguments."""
    os.setsid()
    for path, flags, descriptors in (
        (os.devnull, os.O_RDONLY, (0,)), (wanted.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, (1, 2)),
    ):
        opened = os.open(path, flags)
        for descriptor in descriptors:
            os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(wanted.environment)
    sys.argv = ["pytest", *wanted.arguments]


def main() -> None:
    for name in _HELD:
        import_module(name)
    gc.collect()
    gc.freeze()
    if (wanted := serve()) is None:
        return
    _settle(wanted)
    import pytest

    sys.exit(pytest.main(sys.argv[1:]))


if __name__ == "__main__":
    main()
