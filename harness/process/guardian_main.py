"""The program of the guardian. It is run as a file, by an interpreter that imports nothing of sparsecheck.

Each line on standard input is a sign, a kind and a value: `+ session 4711`, `- session 4711`, `+ folder HEX`,
`- folder HEX`. When standard input ends, because its starter has ended in whatever way, the guardian kills the
sessions and every process with the mark of its starter in its environment, and removes the folders.
"""

import os
import shutil
import signal
import stat
import sys
import time
from contextlib import suppress

_ATTEMPTS, _PAUSE = 50, 0.02
"""How often processes that start others meanwhile are looked for, and the seconds in between."""


def main(mark: bytes) -> None:
    """Wait for the end of standard input, then clean up.

    Args:
        mark: The entry of the environment, `NAME=value`, that all processes of the starter have.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    held = _read_to_the_end()
    for session in held["session"]:
        with suppress(OSError, ValueError):
            os.killpg(int(session), signal.SIGKILL)
    for _ in range(_ATTEMPTS):
        if not _kill_marked(mark):
            break
        time.sleep(_PAUSE)
    for folder in held["folder"]:
        _remove(os.fsdecode(bytes.fromhex(folder)))


def _read_to_the_end() -> "dict[str, set[str]]":
    """Return the sessions and folders that are still held when standard input ends."""
    held: dict[str, set[str]] = {"session": set(), "folder": set()}
    for line in sys.stdin:
        sign, kind, value = line.split()
        (held[kind].add if sign == "+" else held[kind].discard)(value)
    return held


def _kill_marked(mark: bytes) -> bool:
    """Kill the processes that have `mark` in their environment; return whether there was one. Linux only."""
    with suppress(OSError):
        return any([_kill_if_marked(name, mark) for name in os.listdir("/proc") if name.isdecimal()])
    return False


def _kill_if_marked(name: str, mark: bytes) -> bool:
    try:
        with open(f"/proc/{name}/environ", "rb") as file:
            is_marked = mark in file.read().split(b"\0")
        if is_marked:
            os.kill(int(name), signal.SIGKILL)
    except OSError:
        return False
    return is_marked


def _remove(folder: str) -> None:
    """Remove a folder, also if it contains folders that may not be written."""
    for path, _, _ in os.walk(folder):
        with suppress(OSError):
            os.chmod(path, stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(os.fsencode(sys.argv[1]))
