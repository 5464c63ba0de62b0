"""Interruption by a signal: the first one ends the command, and later ones change nothing.

This module imports only what an interpreter has loaded anyway, so that signals are handled before anything else is
imported.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from .errors import INCOMPLETE, OK

REASONS = {signal.SIGINT: "interrupted by the user"} | {
    number: f"ended by {number.name}" for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
}
"""The signals that end a command, with the reason that a report states."""

GRACE = 1.5
"""Seconds from the first signal until the process exits, whatever it is doing."""


class Interrupted(KeyboardInterrupt):
    """Raised in the main thread by the first signal; the message is the reason."""


class Interruption:
    """The state of a block that attends to signals.

    Attributes:
        reason: The reason of the first signal, or an empty string.
        wake: Called by the first signal. Without it, the signal raises `Interrupted`.
    """

    def __init__(self, wake: Callable[[], object] | None) -> None:
        """Begin with the reason of the surrounding block, if it was interrupted."""
        self.reason: str = _attending[-1].reason if _attending else ""
        self.wake = wake


_attending: list[Interruption] = []
_owner: list[int] = []


@contextmanager
def attend(wake: Callable[[], object] | None = None) -> Iterator[Interruption]:
    """Handle the signals that end a command until the end of the block.

    A signal that this process ignores, as under `nohup`, stays ignored. Outside the main thread, which alone handles
    signals, the block only learns of an earlier interruption.

    Args:
        wake: Called by the first signal, in the main thread between two instructions, instead of raising. The block
            goes on and must soon come to its end.

    Yields:
        The interruption, with an empty reason until a signal arrives.

    Raises:
        Interrupted: A signal arrived, and there is no `wake`.
    """
    attended = Interruption(wake)
    if threading.current_thread() is not threading.main_thread():
        yield attended
        return
    before = {one: signal.getsignal(one) for one in REASONS if signal.getsignal(one) is not signal.SIG_IGN}
    _attending.append(attended)
    try:
        for number in before:
            signal.signal(number, _handle)
        yield attended
    finally:
        _attending.remove(attended)
        for number, handler in () if _is_own_process() else before.items():
            signal.signal(number, handler)


def exit_with(run: Callable[[], object]) -> NoReturn:
    """Run the command for which this process exists, and exit: with its code, or with 3 after a signal.

    The process exits soon after the first signal, whatever the command is doing.
    """
    _owner[:] = [os.getpid()]
    try:
        with attend() as interruption:
            code = _code(run)
            _ignore()
            if interruption.reason:
                _exit_at_once()
    except Interrupted as interrupted:
        _ignore()
        with suppress(OSError):
            print(f"sparsecheck: {interrupted}", file=sys.stderr)
        _exit_at_once()
    sys.exit(code)  # type: ignore[arg-type]


def _exit_at_once() -> NoReturn:
    """Exit after an interruption without taking the interpreter apart, which takes a second after importing torch."""
    with suppress(Exception):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(INCOMPLETE)


def _code(run: Callable[[], object]) -> object:
    """Return the exit code of a command, after everything it printed was written."""
    try:
        run()
    except SystemExit as end:
        return end.code
    finally:
        with suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
    return OK


def _is_own_process() -> bool:
    """Return whether this process exists for the command alone, and not for a program that calls sparsecheck."""
    return _owner == [os.getpid()]


def _ignore() -> None:
    """Ignore signals from now on: the exit code is decided."""
    for number in REASONS:
        signal.signal(number, signal.SIG_IGN)


def _handle(number: int, frame: FrameType | None) -> None:
    current = _attending[-1] if _attending else None
    if current is None or current.reason:
        return
    for one in _attending:
        one.reason = REASONS[signal.Signals(number)]
    if _is_own_process():
        signal.signal(signal.SIGALRM, _give_up)
        signal.setitimer(signal.ITIMER_REAL, GRACE)
    if current.wake is None:
        raise Interrupted(current.reason)
    current.wake()


def _give_up(number: int, frame: FrameType | None) -> None:
    """Exit although the command has not come to its end; the guardian ends its processes and removes its folders."""
    os._exit(INCOMPLETE)
