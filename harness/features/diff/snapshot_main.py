"""The program of a child process: take a snapshot of one sparsifier, or list the sparsifiers of a distribution.

python -m sparsecheck.features.diff.snapshot_main snapshot NAME TARGET [ADAPTER_FILE ...]
python -m sparsecheck.features.diff.snapshot_main names DISTRIBUTION TARGET [ADAPTER_FILE ...]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name

from ...adapter.discovery import BrokenAdapter, NotFound, find, load, registrations
from .differences import Problem
from .snapshot import encode
from .snapshot_in_subprocesses import PROBLEM
from .take_snapshot import SnapshotUnsupported, take_snapshot


def main(task: str, name: str, target: Path, files: Sequence[Path]) -> int:
    """Run one task and return the exit code.

    Args:
        task: `snapshot` or `names`.
        name: The sparsifier, or the distribution.
        target: The file to write; if the task fails, the reason is written to TARGET.problem instead.
        files: Adapter files.
    """
    try:
        output = msgspec.json.encode(list(_names(name, files))) if task == "names" else \
            encode(take_snapshot(load(find(name, files))))
    except (BrokenAdapter, NotFound, SnapshotUnsupported) as error:
        problem = Problem(str(error), is_declared=isinstance(error, SnapshotUnsupported))
        target.with_name(target.name + PROBLEM).write_bytes(msgspec.json.encode(problem))
        return 1
    target.write_bytes(output)
    return 0


def _names(distribution: str, files: Sequence[Path]) -> Iterator[str]:
    """Yield the sparsifiers that a distribution registers or that declare it, and those of the adapter files."""
    requested = canonicalize_name(distribution)
    for one in registrations(files):
        if one.obstacle:
            continue
        if one.file is not None or requested in (canonicalize_name(one.distribution), _declared(one.name, files)):
            yield one.name


def _declared(name: str, files: Sequence[Path]) -> str:
    try:
        return canonicalize_name(load(find(name, files)).declaration.distribution)
    except BrokenAdapter:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), [Path(file) for file in sys.argv[4:]]))
