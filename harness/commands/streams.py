"""Standard output and standard error of the command line, which may be full, closed or read by nobody any more."""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from ..interrupts import Interrupted

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Descriptor(io.RawIOBase):
    """An open file descriptor that takes everything: after the first error, the rest is dropped.

    The command goes on, so that it writes its files and comes to its exit code.

    Attributes:
        problem: The first error in the words of the operating system, or an empty string.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self.problem = ""

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Write all of `data`, or note why not."""
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while left and not self.problem:
                left = left[self._write(left):]
        except OSError as error:
            self.problem = error.strerror or str(error)
        except Interrupted:
            self.problem = "interrupted"
            raise
        return size

    def _write(self, data: memoryview) -> int:
        try:
            return os.write(self._number, data)
        except BlockingIOError:
            select.select((), (self._number,), ())
            return 0


@contextmanager
def standard_streams() -> Iterator[Descriptor]:
    """Replace the standard streams until the end of the block by streams that never raise and take every character.

    Streams that are not those of the process, such as those of a test, stay as they are.

    Yields:
        The standard output, whose `problem` is known once the block has ended.
    """
    _occupy_closed()
    output = Descriptor(1)
    before = sys.stdout, sys.stderr
    try:
        if sys.stdout is sys.__stdout__:
            sys.stdout = _text(output, before[0])
        if sys.stderr is sys.__stderr__:
            sys.stderr = _text(Descriptor(2), before[1])
        yield output
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        sys.stdout, sys.stderr = before


def _occupy_closed() -> None:
    """Occupy closed standard descriptors, so that no file is opened as one of them; writing to them fails as before."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if number == 0 else os.O_RDONLY)


def _text(descriptor: Descriptor, before: TextIO | None) -> TextIO:
    """Return a text stream for a descriptor, with the encoding that it had; characters it lacks are escaped."""
    encoding = before.encoding if before is not None else "utf-8"
    if before is not None:
        with suppress(OSError, ValueError):
            before.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(descriptor), encoding, "backslashreplace", line_buffering=descriptor.isatty()
    )
