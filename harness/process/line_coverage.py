"""Measure which lines of the judged code are executed, in every process that runs it.

A process measures if the variable `VARIABLE` names a folder. It starts before the adapter is imported, and before the
settings of the process are first read, so that the tracer is one of the settings that no sparsifier may change. At its
end it writes its lines to the folder, where `read` joins those of all processes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..adapter.own_modules import BEFORE_ADAPTERS
from ..errors import BadUsage
from ..reading import CannotRead, parse_json, read_text

if TYPE_CHECKING:
    from coverage import Coverage

VARIABLE = "SPARSECHECK_COVERAGE"
"""The folder to which processes write their lines."""

_FILES = "files.json"
_PREFIX = "lines"


@dataclass(frozen=True)
class FileLines:
    """The lines of one file.

    Attributes:
        name: Its name, relative to the folder of its outermost module.
        statements: The number of executable lines.
        missing: The number of those that were not executed.
        ranges: The lines that were not executed, such as `12-14, 20`.
    """

    name: str
    statements: int
    missing: int
    ranges: str


@dataclass(frozen=True)
class JudgedLines:
    """The lines of all files of one sparsifier.

    Attributes:
        files: The files that were imported.
        unimported: The names of the others.
    """

    files: tuple[FileLines, ...]
    unimported: tuple[str, ...]


def check_installed() -> None:
    """Check that the library that measures is installed.

    Raises:
        BadUsage: It is not.
    """
    try:
        import_module("coverage")
    except ImportError:
        raise BadUsage("--coverage needs coverage", "Run pip install 'sparsecheck[coverage]'.") from None


@contextmanager
def measured() -> Iterator[None]:
    """Measure the block, if this process is asked to."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        yield
        return
    coverage = _tracer(Path(folder))
    coverage.start()
    try:
        yield
    finally:
        coverage.stop()
        coverage.save()


def note_files(find: Callable[[], Mapping[str, str]]) -> None:
    """Write down the files that the report is about, by name, if this process measures."""
    if folder := os.environ.get(VARIABLE):
        path = Path(folder) / f"{_FILES}.{os.getpid()}"
        path.write_text(json.dumps(dict(find())), "utf-8")
        path.replace(Path(folder) / _FILES)


def _tracer(folder: Path) -> Coverage:
    from coverage import Coverage

    return Coverage(
        data_file=str(folder / _PREFIX), data_suffix=True, config_file=False, omit=_omitted(), messages=False,
        check_preimported=False,
    )


def _omitted() -> list[str]:
    """Return patterns of the files that no report is about: they run often, and to trace them takes time."""
    package = Path(__file__).parents[1]
    own = [f"{part}/*" for part in package.iterdir() if part.is_dir() and part.name != "adapter"]
    shared = {name: find_spec(name) for name in BEFORE_ADAPTERS - {package.name, __name__.partition(".")[0]}}
    folders = [Path(spec.origin).parent for spec in shared.values() if spec is not None and spec.origin]
    return [*own, f"{package}/adapter/*.py", f"{package}/*.py", *(f"{folder}/*" for folder in folders)]


def read(folder: Path) -> JudgedLines | None:
    """Return the joined lines of all processes that wrote to `folder`, or None if none did."""
    from coverage import Coverage
    from coverage.exceptions import CoverageException

    joined = Coverage(data_file=str(folder / "joined"), config_file=False, messages=False)
    try:
        files = parse_json(read_text(folder / _FILES), dict[str, str])
        joined.combine([str(one) for one in folder.glob(f"{_PREFIX}.*")])
    except (CannotRead, CoverageException):
        return None
    seen = {os.path.realpath(path): path for path in joined.get_data().measured_files()}
    imported = {name: seen[real] for name, path in files.items() if (real := os.path.realpath(path)) in seen}
    lines = tuple(_lines(joined, name, path) for name, path in imported.items())
    return JudgedLines(lines, tuple(name for name in files if name not in imported))


def _lines(joined: Any, name: str, path: str) -> FileLines:
    with suppress(Exception):
        _, statements, _, missing, ranges = joined.analysis2(path)
        return FileLines(name, len(statements), len(missing), ranges)
    return FileLines(name, 0, 0, "its source cannot be read")
