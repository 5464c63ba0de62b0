"""Take the snapshot of each sparsifier in a process of its own, with the installed release or with another one.

torch selects kernels by processor, and these sum in different orders. The child processes are restricted to kernels
that every x86 processor has, so that a snapshot depends on the sparsifier and not on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ...errors import Incomplete, SparsecheckError
from ...process.guardian import temporary_folder
from ...process.interpreter import python_command
from ...process.releases import installed
from ...reading import parse_json, read_bytes
from ...run.subprocesses import Children, describe_end, last_output, run_each
from .differences import Problem, Side
from .snapshot import Snapshot, read

PROBLEM = ".problem"
"""The suffix of the file in which a child writes the reason why it could not write its target."""

_ENVIRONMENT = {
    "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41", "DNNL_MAX_CPU_ISA": "SSE41",
}


class Interrupted(Incomplete):
    """Raised if a snapshot was interrupted."""


class WrongRelease(SparsecheckError):
    """Raised if another release ran than the requested one, or if no registered sparsifier belongs to it."""


@dataclass(frozen=True)
class SnapshotRunner:
    """Takes snapshots in child processes.

    Attributes:
        adapters: Adapter files.
        limit: Seconds that one sparsifier may take.
        show: Receives a line whenever a sparsifier is finished.
    """

    adapters: tuple[Path, ...]
    limit: float
    show: Callable[[str], None]

    def here(self, names: Sequence[str], label: str = "here") -> Side:
        """Take snapshots of sparsifiers as they are installed.

        Raises:
            Interrupted: Not all snapshots were taken.
        """
        return self._take(names, label)

    def release(self, dist: str, names: Sequence[str]) -> Side:
        """Take snapshots of the sparsifiers of a release, which is installed into a temporary folder.

        Args:
            dist: The release, as NAME==VERSION.
            names: Only these sparsifiers, if there are any.

        Raises:
            NotInstalled: The release cannot be installed.
            WrongRelease: No registered sparsifier belongs to the release, or another release was imported.
            Interrupted: Not all snapshots were taken.
        """
        with installed(dist) as folder:
            requested, first = Requirement(dist), (str(folder),)
            known = self._names(requested.name, first)
            side = self._take([name for name in known if not names or name in names], dist, first)
        for snapshot in side.snapshots.values():
            _check_release(snapshot, requested)
        return side

    def _names(self, distribution: str, first: Sequence[str]) -> list[str]:
        data, problem = self._run("names", distribution, first)
        names = parse_json(data, list[str]) if data else []
        if not names:
            why = f" ({problem.why})" if problem else ""
            raise WrongRelease(f"no sparsifier of {distribution} is registered{why}; name its adapter with --adapter")
        return names

    def _run(self, task: str, name: str, first: Sequence[str]) -> tuple[bytes, Problem | None]:
        """Return the output of one child, or the reason why there is none; `first` leads its import path."""
        with temporary_folder() as folder:
            command = _command(task, name, folder / "output", self.adapters, first)
            outputs, losses = dict[str, tuple[bytes, Problem | None]](), list[str]()

            def run_one(name: str, children: Children) -> str:
                ended = children.run(name, command, folder, self.limit, _ENVIRONMENT)
                outputs[name] = _output(folder, name, ended)
                problem = outputs[name][1]
                return problem.why if problem else "snapshot taken" if task == "snapshot" else "listed"

            run_each([name], 1, run_one, self.show, losses)
            if losses:
                raise Interrupted(losses[0])
            return outputs[name]

    def _take(self, names: Sequence[str], label: str, first: Sequence[str] = ()) -> Side:
        snapshots, problems = dict[str, Snapshot](), dict[str, Problem]()
        with temporary_folder() as folder:
            for name in names:
                data, problem = self._run("snapshot", name, first)
                file = folder / name
                file.write_bytes(data)
                if problem:
                    problems[name] = problem
                else:
                    snapshots[name] = read(file)
        return Side(label, snapshots, problems)


def _command(task: str, name: str, target: Path, adapters: Sequence[Path], first: Sequence[str]) -> list[str]:
    files = [str(file.absolute()) for file in adapters]
    return python_command(f"{__package__}.snapshot_main", task, name, str(target), *files, first=first)


def _output(folder: Path, name: str, ended: str) -> tuple[bytes, Problem | None]:
    target = folder / "output"
    problem = target.with_name(target.name + PROBLEM)
    if problem.exists():
        return b"", parse_json(read_bytes(problem), Problem)
    if not target.exists() or ended:
        otherwise = f"its process {ended}" if ended else "its process wrote nothing"
        how = describe_end(folder, name, otherwise)
        return b"", Problem(f"{how}. Its last output: {last_output(folder, name)}")
    return read_bytes(target), None


def _check_release(snapshot: Snapshot, requested: Requirement) -> None:
    metadata, [pin] = snapshot.metadata, requested.specifier
    if canonicalize_name(metadata.distribution) != canonicalize_name(requested.name):
        return
    try:
        is_it = Version(metadata.version) in requested.specifier or metadata.version == pin.version
    except InvalidVersion:
        is_it = metadata.version == pin.version
    if not is_it:
        raise WrongRelease(f"{requested} was requested, but {metadata.sparsifier} ran with {metadata.version}")
