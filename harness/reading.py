"""Reading of files that others may have written: any bytes give a value or an error, in bounded memory and time.

Every file that a command reads goes through this module. Its errors carry the reason without the file; a caller adds
the file, what was expected of it, and the next step.
"""

from __future__ import annotations

import os
import select
import stat
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from .errors import SparsecheckError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")

MOST = 32 * 2**20
"""The most bytes that are read of a file, after decompression: forty times the largest report of all adapters."""

SILENCE = 10.0
"""Seconds without data after which a pipe is given up."""

_STEP = 2**20
_GZIP = 16 + zlib.MAX_WBITS


class CannotRead(SparsecheckError):
    """Raised if a file cannot be read, or is not of the expected form; the message is the reason, without the file."""


class NoSuchFile(CannotRead):
    """Raised if there is no such file."""


class TooLarge(CannotRead):
    """Raised if a file, or what is packed in it, has more bytes than any legitimate one."""


class Malformed(CannotRead):
    """Raised if the content of a file is not of the expected form."""


class NotUtf8(Malformed):
    """Raised if text is not UTF-8."""


class CutShort(Malformed):
    """Raised if compressed data end too early."""


def read_bytes(path: Path, most: int = MOST) -> bytes:
    """Return the content of a file or a pipe.

    Raises:
        NoSuchFile: There is no such file.
        CannotRead: It cannot be read, has more than `most` bytes, or is a pipe that nothing is written to.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            return _drained(descriptor, most)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise NoSuchFile("No such file or directory") from None
    except (OSError, ValueError) as error:  # a path with a null character is a ValueError
        raise CannotRead(getattr(error, "strerror", None) or str(error)) from None


def _drained(descriptor: int, most: int) -> bytes:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        raise CannotRead("Is a directory")
    chunks, size = list[bytes](), 0
    while size <= most:
        if not stat.S_ISREG(mode) and not select.select([descriptor], [], [], SILENCE)[0]:
            raise CannotRead(f"nothing was written to it for {SILENCE:g} seconds")
        chunk = os.read(descriptor, _STEP)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        size += len(chunk)
    raise _too_large(most)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"it has more than {most / 2**20:g} MiB, which no file of sparsecheck has")


def read_text(path: Path, most: int = MOST) -> str:
    """Return the text of a UTF-8 file.

    Raises:
        CannotRead: As for `read_bytes`, or the file is not UTF-8.
    """
    return decode(read_bytes(path, most))


def read_end(path: Path, most: int) -> str:
    """Return the last `most` bytes of a log as text, however large it is; an empty string if it cannot be read.

    Bytes that are not UTF-8 are replaced.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - most))
            return file.read(most).decode("utf-8", "replace")
    except OSError:
        return ""


def decode(data: bytes) -> str:
    """Return UTF-8 data as text.

    Raises:
        NotUtf8: It is not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotUtf8(f"line {line} is not UTF-8: {error.reason} at byte {error.start}") from None


def unpack(data: bytes, most: int = MOST) -> bytes:
    """Return decompressed gzip data, and never more than `most` bytes.

    Raises:
        CutShort: The data end too early.
        TooLarge: There is more.
        Malformed: The data are not gzip data.
    """
    parts, size = list[bytes](), 0
    while data:
        if not data.startswith(b"\x1f\x8b"):
            raise Malformed("it does not begin as gzip data do")
        decoder = zlib.decompressobj(_GZIP)
        try:
            part = decoder.decompress(data, most - size + 1)
        except zlib.error as error:
            raise Malformed(str(error)) from None
        size += len(part)
        if size > most:
            raise _too_large(most)
        if not decoder.eof:
            raise CutShort("it ends in the middle of its gzip data")
        parts.append(part)
        data = decoder.unused_data.lstrip(b"\0")  # gzip pads with zeros
    return b"".join(parts)


def parse_json(data: bytes | str, type: type[T]) -> T:
    """Return a JSON text as a value of a type.

    Raises:
        Malformed: It is not JSON, or not such a value.
    """
    return parse_with(msgspec.json.Decoder(type), data)


def parse_with(decoder: msgspec.json.Decoder[T], data: bytes | str) -> T:
    """Return a JSON text as a value of the type of a decoder, which is faster if there are many.

    Raises:
        Malformed: It is not JSON, or not such a value.
    """
    try:
        return decoder.decode(data)
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise Malformed(f"a string is not UTF-8: {error.reason} at its byte {error.start}") from None
    except (msgspec.MsgspecError, ValueError, OverflowError, SparsecheckError) as error:
        raise Malformed(str(error)) from None


def convert(value: Any, type: type[T]) -> T:
    """Return a parsed value as one of a type.

    Raises:
        Malformed: It is not such a value.
    """
    try:
        return msgspec.convert(value, type)
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError, OverflowError, SparsecheckError) as error:
        raise Malformed(str(error)) from None


def parse_toml(text: str) -> dict[str, Any]:
    """Return a TOML text as a dictionary.

    Raises:
        Malformed: It is not TOML.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    except ValueError as error:  # also of an integer of thousands of digits
        raise Malformed(str(error)) from None


def parse_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a safetensors file; nothing in it is unpickled.

    Raises:
        Malformed: It is not a safetensors file, or has an array that NumPy cannot hold.
    """
    import safetensors.numpy

    try:
        return safetensors.numpy.load(data)
    except Exception as error:  # besides its own errors, whatever NumPy raises for odd shapes and dtypes
        raise Malformed(f"{error}" or type(error).__name__) from None
