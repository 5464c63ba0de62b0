"""Python processes that start in a tenth of the time: forked from one that has imported torch, NumPy and pytest.

`Popen` takes the place of `subprocess.Popen`: a command that starts this interpreter is forked by a server
(`warm_server.py`), with the arguments, folder, environment and pipes that it asks for; everything else starts as usual.
Nothing of sparsecheck and no adapter is imported in the server, so each process imports the code under test itself.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple
from unittest.mock import patch

COLD = "SPARSECHECK_TESTS_COLD"
"""If this variable is set, every process starts from nothing."""

AS_STARTED = {
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "0",
    "MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_TOP_PAD_": str(2**28),
}
"""Variables of the server that an interpreter or a library reads once, when it starts; those that `sparsecheck bench`
sets."""

_LATER = {"PYTHONPATH", "PYTHONSAFEPATH"}
_ONCE = ("PYTHON", "LC_", "LANG", "LD_", "OMP_", "MKL_", "MALLOC_")

_RealPopen = subprocess.Popen
_Base: Any = subprocess.Popen


class Request(NamedTuple):
    """A process to fork. arguments: those of the interpreter. session: whether it leads one of its own."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]
    session: bool


class NoServer(Exception):
    """Raised if the server is gone or cannot start."""


class Popen(_Base):  # type: ignore[misc]
    """A `subprocess.Popen` that lets the server fork the interpreter, if the command starts this one."""

    address = staticmethod(lambda: address())
    returncode: Any
    _connection: socket.socket | None = None

    def _execute_child(self, args: Any, executable: Any, preexec_fn: Any, *rest: Any) -> None:
        (_, pass_fds, cwd, env, _, _, shell, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite,
         _, gid, gids, uid, umask, session, *_) = rest
        environment = {**os.environ} if env is None else {os.fsdecode(k): os.fsdecode(v) for k, v in env.items()}
        plain = not (executable or preexec_fn or pass_fds or shell or gid or gids or uid) and umask in (-1, None)
        if plain and is_warm(args, environment):
            folder = os.path.abspath(os.fsdecode(cwd)) if cwd is not None else os.getcwd()
            os.stat(folder)
            request = Request([os.fsdecode(one) for one in args[1:]], folder, environment, bool(session))
            try:
                self._connection, self.pid = ask(self.address(), request, (p2cread, c2pwrite, errwrite))
            except NoServer:
                _servers.pop(os.getpid(), None)  # the next process is forked by another one
            else:
                self._child_created = True
                self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)
                return
        super()._execute_child(args, executable, preexec_fn, *rest)

    def __del__(self, *args: Any, **kwargs: Any) -> None:
        """Forget a forked process that nobody waits for; the server reaps it."""
        if self._connection is None:
            super().__del__(*args, **kwargs)

    def _internal_poll(self, *args: Any, **kwargs: Any) -> Any:
        if self._connection is None:
            return super()._internal_poll(*args, **kwargs)
        self._read_code(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> Any:
        if self._connection is None:
            return super()._wait(timeout)
        if not self._read_code(timeout):
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def _read_code(self, timeout: float | None) -> bool:
        """Wait for the exit code for `timeout` seconds; return whether it is known."""
        assert self._connection is not None
        if self.returncode is not None:
            return True
        waiting = select.poll()
        waiting.register(self._connection.fileno(), select.POLLIN)
        if not waiting.poll(None if timeout is None else max(0.0, timeout) * 1000):
            return False
        with self._waitpid_lock:
            if self.returncode is None:
                answer = self._connection.recv(64)
                self.returncode = int(answer) if answer else -9
        return True


def is_warm(args: Any, environment: Mapping[str, str]) -> bool:
    """Return whether a command starts this interpreter, with nothing that must be known before it starts."""
    if COLD in environment or isinstance(args, str | bytes | os.PathLike) or len(args) < 2:
        return False
    if os.fsdecode(args[0]) != sys.executable or parse([os.fsdecode(one) for one in args[1:]]) is None:
        return False
    return all(
        value in (os.environ.get(name), AS_STARTED.get(name)) for name, value in environment.items()
        if name.startswith(_ONCE) and name not in _LATER
    )


def parse(arguments: Sequence[str]) -> tuple[set[str], str, list[str]] | None:
    """Split an interpreter's arguments into flags, one of `-m`, `-c` and `file`, and the rest.

    Return None if there are flags that a running interpreter cannot take on.
    """
    flags = set[str]()
    for place, argument in enumerate(arguments):
        if argument in ("-u", "-I", "-P"):
            flags.add(argument)
        elif argument in ("-m", "-c"):
            return (flags, argument, [*arguments[place + 1:]]) if len(arguments) > place + 1 else None
        else:
            return None if argument.startswith("-") else (flags, "file", [*arguments[place:]])
    return None


def ask(address: str, request: Request, descriptors: Sequence[int]) -> tuple[socket.socket, int]:
    """Have the server at `address` fork a process.

    Args:
        descriptors: Its standard input, output and error; -1 for this process's own.

    Returns:
        The connection by which its exit code will come, and its process id.

    Raises:
        NoServer: There is no server, or no more.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(address)
        given = [own if one == -1 else one for own, one in enumerate(descriptors)]
        socket.send_fds(connection, [json.dumps(request).encode()], given)
        answer = connection.recv(64)
        if not answer:
            raise NoServer("the server has ended")
        return connection, int(answer)
    except OSError as error:
        connection.close()
        raise NoServer(str(error)) from None


# ------------------------------------------------------------------- for tests


_servers: dict[int, str] = {}
"""The address of the server, by the process that started it: no two pytest workers share one."""


def address() -> str:
    """Return the address of this process's server, started if need be."""
    if os.getpid() not in _servers:
        _servers[os.getpid()] = _start()
    return _servers[os.getpid()]


def _start() -> str:
    place = os.path.join(mkdtemp(prefix="warm-"), "socket")
    environment = {name: value for name, value in os.environ.items() if name not in _LATER} | AS_STARTED
    command = [sys.executable, "-m", "tests.warm_server", place]
    root = Path(__file__).parents[1]
    server = _RealPopen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment)
    while not os.path.exists(place):
        assert server.poll() is None, "the server of warm interpreters did not start"
        time.sleep(0.02)
    process = os.getpid()
    atexit.register(lambda: _end(server) if os.getpid() == process else None)
    return place


def _end(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin is not None
    server.stdin.close()
    server.wait()


@contextmanager
def warm_processes() -> Iterator[None]:
    """Within, interpreters that this process starts are forked, on Linux; the same holds for what they start."""
    if sys.platform != "linux" or COLD in os.environ:
        yield
        return
    with patch.object(subprocess, "Popen", Popen):
        yield
