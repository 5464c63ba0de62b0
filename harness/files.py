"""Writing of files: whole or not at all, wherever the path leads."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .errors import SparsecheckError

_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,4})")


class CannotWrite(SparsecheckError):
    """Raised if a file cannot be written; an earlier file is left unchanged.

    Attributes:
        path: The file.
        reason: The reason, in the words of the operating system.
    """

    def __init__(self, path: Path, reason: str, hint: str = "") -> None:
        super().__init__(f"{path} cannot be written ({reason})", hint)
        self.args = (path, reason, hint)
        self.path = path
        self.reason = reason


def write(path: Path, content: bytes | str, hint: str = "") -> None:
    """Write a file whole or not at all, following links; text is encoded as UTF-8.

    A device, a pipe or a stream of this process (/dev/stdout) is written to directly.

    Raises:
        CannotWrite: The file cannot be written, for instance because the disk is full; it carries `hint`.
    """
    write_all({path: content}, hint)


def write_all(contents: Mapping[Path, bytes | str], hint: str = "") -> None:
    """Write several files, or none of them if one cannot be prepared.

    Raises:
        CannotWrite: One of them cannot be written; it names the first.
    """
    with ExitStack() as stack:
        parts = [
            (path, stack.enter_context(_part(path, _encoded(content), hint)))
            for path, content in contents.items() if not is_special(path)
        ]
        for path, content in contents.items():
            if is_special(path):
                _put_through(path, _encoded(content), hint)
        for path, part in parts:
            with writing(path, hint):
                part.replace(_target(path))


def check_writable(path: Path, hint: str = "") -> None:
    """Check, before there is anything to write, that `write` can create its file.

    Raises:
        CannotWrite: It cannot, as far as can be known in advance.
    """
    if not is_special(path):
        with _part(path, b"", hint):
            pass


def is_special(path: Path) -> bool:
    """Return whether `path` is a device, a pipe or an open stream rather than a regular file."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def _part(path: Path, data: bytes, hint: str) -> Iterator[Path]:
    """Write `data` to a new file beside the target, and remove it at the end unless it was moved there."""
    with writing(path, hint):
        target = _target(path)
        if target.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        part = target.with_name(f".sparsecheck-{secrets.token_hex(8)}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with writing(path, hint), os.fdopen(descriptor, "wb") as file:
            _copy_mode(target, part)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield part
    finally:
        part.unlink(missing_ok=True)


def _target(path: Path) -> Path:
    """Return the file that a link leads to, so that writing keeps the link."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _copy_mode(target: Path, part: Path) -> None:
    """Keep the permissions of the file that is replaced; a new one has those that the process gives."""
    with contextlib.suppress(FileNotFoundError):
        os.chmod(part, stat.S_IMODE(target.stat().st_mode))


def _put_through(path: Path, data: bytes, hint: str) -> None:
    with writing(path, hint):
        descriptor = _descriptor(path)
        if descriptor is None:
            path.write_bytes(data)
            return
        for stream in filter(None, (sys.stdout, sys.stderr)):  # None if it was closed when the process began
            stream.flush()
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)


def _descriptor(path: Path) -> int | None:
    """Return the open file descriptor that a path like /dev/stdout or /dev/fd/3 names."""
    found = _DESCRIPTOR.fullmatch(str(path))
    return int(found[1]) if found else _STREAMS.get(str(path))


@contextmanager
def writing(path: Path, hint: str = "") -> Iterator[None]:
    """Turn an error of the operating system within the block into `CannotWrite`.

    Raises:
        CannotWrite: The block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise CannotWrite(path, error.strerror or str(error), hint) from None


def _encoded(content: bytes | str) -> bytes:
    return content.encode("utf-8") if isinstance(content, str) else content
