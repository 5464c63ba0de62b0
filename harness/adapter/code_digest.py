"""Digest code files by their content: equal digests mean equal names and equal bytes."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

from .distributions import CODE, Recorded

_MOST_FILES = 20_000
_LARGE = 64 * 2**20
"""Bytes from which on a file is not read: its size and the time of its change stand for it."""


class RecordedHashes:
    """The hashes in the RECORD of an installed distribution, for files that nobody has touched since.

    An untouched file has the recorded size, and was changed before RECORD was written, which is done last. Reading all
    code of torch would take half a second.
    """

    def __init__(self, recorded: Recorded) -> None:
        """Note when RECORD was written.

        Raises:
            OSError: It cannot be found.
        """
        self._files = recorded.files
        self._written = os.stat(recorded.record).st_mtime_ns

    def of(self, path: str, stat: os.stat_result) -> str:
        """Return the hash of an untouched file, or an empty string if it must be read."""
        row = self._files.get(path)
        touched = stat.st_mtime_ns if stat.st_size > _LARGE else max(stat.st_mtime_ns, stat.st_ctime_ns)
        is_untouched = row is not None and row.size == stat.st_size and touched < self._written
        return row.digest if row is not None and is_untouched and row.digest.startswith("sha256=") else ""


def digest_of_files(files: Iterable[tuple[str, str]], hashes: RecordedHashes | None = None) -> str:
    """Return a digest of files, given by name and path; an empty string if there are none.

    Args:
        files: The name of each file, which is the same on every machine, and its path. At most 20,000 are read.
        hashes: Recorded hashes of files that need not be read.
    """
    lines = {f"{name}\0{_content(path, hashes)}\n" for name, path in islice(files, _MOST_FILES)}
    return hashlib.sha256("".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest() if lines else ""


def _content(path: str, hashes: RecordedHashes | None) -> str:
    """Return the hash of a file in the form of RECORD, or the reason why it cannot be read."""
    try:
        stat = os.stat(path)
        if hashes is not None and (known := hashes.of(path, stat)):
            return known
        if stat.st_size > _LARGE:
            return f"{stat.st_size} bytes of {stat.st_mtime_ns}"
        with open(path, "rb", buffering=0) as file:
            digest = hashlib.sha256(file.read(_LARGE)).digest()
    except OSError as error:
        return f"unreadable: {type(error).__name__}"
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def module_files(module: str, file: str) -> Iterator[tuple[str, str]]:
    """Yield name and path of all code files of a module: of the whole folder if it is a package.

    Args:
        module: The name of the module.
        file: The file that importing it would run.
    """
    folder, name = os.path.split(file)
    if not name.startswith("__init__."):
        yield f"{module.replace('.', '/')}{name[name.find('.'):]}", file
        return
    yield from _files_below(folder, module.replace(".", "/"))


def _files_below(folder: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield name and path of the code files in a folder, in a fixed order; hidden folders and caches are left out."""
    entries: list[os.DirEntry[str]] = []
    with suppress(OSError), os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith((".", "__pycache__")):
                yield from _files_below(entry.path, f"{name}/{entry.name}")
        elif entry.name.endswith(CODE):
            yield f"{name}/{entry.name}", entry.path
