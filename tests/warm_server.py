"""Fork server of interpreters: `python -m tests.warm_server SOCKET` forks one for each request that comes there.

It ends when its standard input does.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import types
from typing import NoReturn

from tests.warm_python import Popen, Request, parse

_HELD = (
    "numpy", "torch", "torch._dynamo", "torch.export", "torch.utils._python_dispatch", "torch.nn.utils.parametrize",
    "safetensors.torch", "msgspec", "click", "packaging.specifiers", "pytest", "_pytest.pytester", "unittest.mock",
    "concurrent.futures.thread", "jinja2",
)
"""Imported once for all. Neither sparsecheck nor an adapter nor a plugin of pytest, which it must import itself."""


def main(place: str) -> None:
    """Serve until standard input ends."""
    for name in _HELD:
        importlib.import_module(name)
    torch = sys.modules["torch"]
    torch.nn.functional.linear(torch.ones(1, 1), torch.ones(1, 1))
    gc.collect()
    gc.freeze()
    base = sys.path[1:]
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(f"{place}.new")
    listener.listen(64)
    os.rename(f"{place}.new", place)
    if (found := _serve(listener)) is not None:
        _become(*found, place, base)


def _serve(listener: socket.socket) -> tuple[Request, list[int]] | None:
    """Fork for each request; return it in the child, and None in the server at the end."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    children: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([0, woken, listener.fileno()], [], [])
        if 0 in ready:
            return None
        if woken in ready:
            os.read(woken, 4096)
            _report(children)
        if listener.fileno() in ready:
            connection, _ = listener.accept()
            text, descriptors, _, _ = socket.recv_fds(connection, 2**20, 3)
            request = Request(*json.loads(text))
            if pid := os.fork():
                for one in descriptors:
                    os.close(one)
                children[pid] = connection
                continue
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if request.session:
                os.setsid()
            connection.send(str(os.getpid()).encode())
            return request, descriptors


def _report(children: dict[int, socket.socket]) -> None:
    """Send the exit code of every child that has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        with children.pop(pid) as connection:
            try:
                connection.send(str(os.waitstatus_to_exitcode(status)).encode())
            except OSError:
                continue  # whoever asked is gone


def _become(request: Request, descriptors: list[int], place: str, base: list[str]) -> NoReturn:
    """Run what is asked as an interpreter of its own would, and end."""
    for number, one in enumerate(descriptors):
        os.dup2(one, number)
    os.closerange(3, min(os.sysconf("SC_OPEN_MAX"), 2**16))
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    parsed = parse(request.arguments)
    assert parsed is not None
    flags, kind, rest = parsed
    sys.path[:] = [*_first(flags, kind, rest), *_given(flags), *base]
    importlib.invalidate_caches()
    for name in ("tests.warm_python", "tests"):
        del sys.modules[name]
    _open_streams("-u" in flags)
    Popen.address = staticmethod(lambda: place)
    subprocess.Popen = Popen  # type: ignore[misc]
    _end(_code(kind, rest))


def _first(flags: set[str], kind: str, rest: list[str]) -> list[str]:
    """Return the folder that Python puts first on its path."""
    if flags & {"-I", "-P"} or os.environ.get("PYTHONSAFEPATH"):
        return []
    return [{"-m": os.getcwd(), "-c": "", "file": os.path.dirname(os.path.abspath(rest[0]))}[kind]]


def _given(flags: set[str]) -> list[str]:
    given = os.environ.get("PYTHONPATH", "") if "-I" not in flags else ""
    return [one for one in given.split(os.pathsep) if one]


def _open_streams(unbuffered: bool) -> None:
    """Open the standard streams anew, since those of the server may hold text."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        errors = {"stderr": "backslashreplace"}.get(name, "strict")
        stream = open(number, mode, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
        if name == "stderr" or unbuffered:
            stream.reconfigure(line_buffering=True, write_through=unbuffered)  # type: ignore[attr-defined]
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _code(kind: str, rest: list[str]) -> int:
    """Run the program, and return its exit code."""
    try:
        _execute(kind, rest)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        _print(error)
        return -signal.SIGINT
    except BaseException as error:
        _print(error)
        return 1
    return 0


def _print(error: BaseException) -> None:
    """Print a traceback without the frames of this file."""
    own = error.__traceback__
    while own is not None and own.tb_frame.f_code.co_filename == __file__:
        own = own.tb_next
    sys.excepthook(type(error), error.with_traceback(own), own)


def _execute(kind: str, rest: list[str]) -> None:
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = __builtins__
    if kind == "-m":
        sys.argv = ["-m", *rest[1:]]
        runpy._run_module_as_main(rest[0])  # type: ignore[attr-defined]
        return
    sys.argv = ["-c", *rest[1:]] if kind == "-c" else rest
    text, name = (rest[0], "<string>") if kind == "-c" else (open(rest[0], "rb").read(), rest[0])  # noqa: SIM115
    if kind == "file":
        main.__file__ = os.path.abspath(rest[0])
    exec(compile(text, name, "exec"), main.__dict__)


def _end(code: int) -> NoReturn:
    """Wait for threads, run what is registered for the end, flush, and end."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        code = code or 120
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code & 0xFF)


if __name__ == "__main__":
    main(sys.argv[1])
