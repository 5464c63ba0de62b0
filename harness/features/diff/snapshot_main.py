"""What a child process runs: one sparsifier recorded, or the names of those of one distribution.

    python -m sparsecheck.features.diff.snapshot_main record NAME TARGET [ADAPTER_FILE ...]
    python -m sparsecheck.features.diff.snapshot_main names DISTRIBUTION TARGET [ADAPTER_FILE ...]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name

from ...adapter.discovery import BrokenAdapter, NotFound, find, load, registrations
from .compare import Problem
from .snapshot import encode
from .snapshot_in_subprocesses import PROBLEM
from .take_snapshot import NotRecordable, record


def main(what: str, name: str, target: Path, files: Sequence[Path]) -> int:
    """The exit status."""
    try:
        made = msgspec.json.encode(list(_names(name, files))) if what == "names" else \
            encode(record(load(find(name, files))))
    except (BrokenAdapter, NotFound, NotRecordable) as error:
        problem = Problem(str(error), is_declared=isinstance(error, NotRecordable))
        target.with_name(target.name + PROBLEM).write_bytes(msgspec.json.encode(problem))
        return 1
    target.write_bytes(made)
    return 0


def _names(distribution: str, files: Sequence[Path]) -> Iterator[str]:
    """Those that `distribution` registers, or that say they are of it; and those of adapter files."""
    wanted = canonicalize_name(distribution)
    for one in registrations(files):
        if one.obstacle:
            continue
        if one.file is not None or wanted in (canonicalize_name(one.distribution), _declared(one.name, files)):
            yield one.name


def _declared(name: str, files: Sequence[Path]) -> str:
    try:
        return canonicalize_name(load(find(name, files)).declaration.distribution)
    except BrokenAdapter:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), [Path(file) for file in sys.argv[4:]]))
