"""Read the metadata of installed distributions: their versions, their modules, and the hashes of their files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.utils import canonicalize_name

from ..suggestions import nearest
from .module_search import file_of

CODE = (".py", ".pyc", ".so", ".pyd", ".dll", ".dylib", ".c", ".cc", ".cpp", ".cu", ".cuh")
"""The suffixes of files that are imported, loaded, or compiled at run time."""


class RecordedFile(NamedTuple):
    """A line of RECORD.

    Attributes:
        path: The path, relative to the folder of the distribution.
        digest: The hash of the content, in the form `sha256=...`, or an empty string.
        size: The size in bytes, or -1.
    """

    path: str
    digest: str
    size: int


def installed(name: str) -> Distribution | None:
    """Return the installed distribution `name`, or None.

    Metadata may be in two places, such as a stale `.egg-info` in a checkout in front of a release. The one beside the
    code that is imported is then the right one.
    """
    every = list(distributions(name=name)) if canonicalize_name(name) else []
    if len(every) < 2:
        return next(iter(every), None)
    file = next((file for one in every for module in modules_of(one) if (file := file_of(module))), "")
    return max(every, key=lambda one: _depth_above(one, file))


def _depth_above(found: Distribution, file: str) -> tuple[int, bool]:
    """Return the depth of a distribution's folder if it contains `file`, else -1; and whether it is the one edited."""
    source = editable_folder(found)
    folder = (source or Path(str(found.locate_file("")))).resolve()
    return (len(folder.parts) if file and folder in Path(file).resolve().parents else -1), source is not None


def names_like(name: str) -> list[str]:
    """Return the installed distributions that `name` may be a misspelling of."""
    every = {str(canonicalize_name(known)): known for one in distributions() if (known := one.metadata["Name"])}
    return [every[one] for one in nearest(canonicalize_name(name), every)]


@dataclass(frozen=True)
class Recorded:
    """The RECORD of an installed release, as far as it is about code.

    Attributes:
        record: The path of RECORD itself.
        files: The code files, by their paths.
    """

    record: str
    files: Mapping[str, RecordedFile]


def recorded(found: Distribution) -> Recorded:
    """Return what the RECORD of a distribution says; without one, as in a checkout, there are no files."""
    folder, record, files = str(found.locate_file("")), "", dict[str, RecordedFile]()
    for line in (found.read_text("RECORD") or "").splitlines():
        path = line[1 : line.rfind('"')] if line.startswith('"') else line[: line.find(",")]
        if path.endswith(CODE) and "__pycache__/" not in path:
            files[os.path.join(folder, path)] = _row(path, line)
        elif path.endswith(".dist-info/RECORD"):
            record = os.path.join(folder, path)
    return Recorded(record, files)


def _row(path: str, line: str) -> RecordedFile:
    digest, size = line.split(",")[-2:]
    return RecordedFile(path, digest, int(size) if size.isdecimal() and len(size) < 20 else -1)


def modules_of(found: Distribution, record: Recorded | None = None) -> list[str]:
    """Return the outermost modules of a distribution, those called as the distribution first.

    They are those of the installed files. An editable install has none among them, so the names that setuptools notes
    follow, and the name of the distribution.

    Args:
        found: The distribution.
        record: Its RECORD, if that has been read already.
    """
    plain = canonicalize_name(found.metadata["Name"] or "").replace("-", "_")
    paths = [row.path.split("/") for row in (record or recorded(found)).files.values()]
    names = {name for parts in paths if (name := _module(parts)) and all(part.isidentifier() for part in name)}
    outermost = [name for name in names if not any(name[:length] in names for length in range(1, len(name)))]
    ordered = sorted(outermost, key=lambda name: (len(name), name[0].lower() != plain, name))
    noted = (found.read_text("top_level.txt") or "").split()
    return list(dict.fromkeys((*map(".".join, ordered), *noted, plain)))


def _module(parts: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of the name of the module in a file, or an empty tuple if it is none of the distribution's."""
    if parts[0].startswith(("__editable__", "..")):
        return ()
    return tuple(parts[:-1] if parts[-1].startswith("__init__.") else (*parts[:-1], parts[-1].split(".")[0]))


def editable_folder(found: Distribution) -> Path | None:
    """Return the folder from which a distribution is installed in place, or None if it is not editable."""
    try:
        url = json.loads(found.read_text("direct_url.json") or "{}")
    except ValueError:
        return None
    info = url.get("dir_info") if isinstance(url, dict) else None
    if not (isinstance(info, dict) and info.get("editable") is True):
        return None
    return Path(url2pathname(urlsplit(str(url.get("url"))).path))
