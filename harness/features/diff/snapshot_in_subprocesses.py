"""Recording each sparsifier in a process of its own, of this environment or of one with another release in it.

The kernels that torch picks for a processor sum in an order of their own; here it is held to those that every one has,
so that a recording is of the sparsifier and not of the machine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ...errors import Incomplete, SparsecheckError
from ...process.interpreter import python_command
from ...process.releases import installed
from ...run.subprocesses import Children, describe_end, last_output, run_each
from .compare import Problem, Side
from .snapshot import Recording, read

PROBLEM = ".problem"
"""What a child writes beside its target, if it writes nothing there: why."""

_ENVIRONMENT = {
    "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41", "DNNL_MAX_CPU_ISA": "SSE41",
}


class Interrupted(Incomplete):
    """It was ended before all was recorded."""


class NotThatRelease(SparsecheckError):
    """What ran is not the release that was asked for, or nothing registered is of it."""


@dataclass(frozen=True)
class Recorder:
    """How to record. adapters: files. limit: seconds that one sparsifier may take. tell: is given a line whenever one
    is recorded, or is not."""

    adapters: tuple[Path, ...]
    limit: float
    tell: Callable[[str], None]

    def here(self, names: Sequence[str], label: str = "here") -> Side:
        """Those sparsifiers, with what is installed here.

        Raises:
            Interrupted: before all was recorded.
        """
        return self._recorded(names, label)

    def release(self, dist: str, names: Sequence[str]) -> Side:
        """The sparsifiers of `NAME==VERSION`, or those of them called `names`, with that release in the place of what
        is installed here.

        Raises:
            NotInstalled: it cannot be installed.
            NotThatRelease: none of its sparsifiers is registered, or another release than it was recorded.
            Interrupted: before all was recorded.
        """
        with installed(dist) as folder:
            wanted, first = Requirement(dist), (str(folder),)
            known = self._names(wanted.name, first)
            side = self._recorded([name for name in known if not names or name in names], dist, first)
        for recording in side.recordings.values():
            _check_release(recording, wanted)
        return side

    def _names(self, distribution: str, first: Sequence[str]) -> list[str]:
        data, problem = self._run("names", distribution, first)
        names = msgspec.json.decode(data, type=list[str]) if data else []
        if not names:
            why = f" ({problem.why})" if problem else ""
            raise NotThatRelease(f"no sparsifier of {distribution} is registered{why}; give its adapter by --adapter")
        return names

    def _run(self, what: str, name: str, first: Sequence[str]) -> tuple[bytes, Problem | None]:
        """Return the output of one child, or why there is none; `first` comes first on its import path."""
        with tempfile.TemporaryDirectory(prefix="sparsecheck-") as made:
            folder = Path(made)
            command = _command(what, name, folder / "left", self.adapters, first)
            left, losses = dict[str, tuple[bytes, Problem | None]](), list[str]()

            def run_one(name: str, children: Children) -> str:
                ended = children.run(name, command, folder, self.limit, _ENVIRONMENT)
                left[name] = _left(folder, name, ended)
                problem = left[name][1]
                return problem.why if problem else "recorded" if what == "record" else "listed"

            run_each([name], 1, run_one, self.tell, losses)
            if losses:
                raise Interrupted(losses[0])
            return left[name]

    def _recorded(self, names: Sequence[str], label: str, first: Sequence[str] = ()) -> Side:
        recordings, problems = dict[str, Recording](), dict[str, Problem]()
        with tempfile.TemporaryDirectory(prefix="sparsecheck-") as made:
            for name in names:
                data, problem = self._run("record", name, first)
                file = Path(made) / name
                file.write_bytes(data)
                if problem:
                    problems[name] = problem
                else:
                    recordings[name] = read(file)
        return Side(label, recordings, problems)


def _command(what: str, name: str, target: Path, adapters: Sequence[Path], first: Sequence[str]) -> list[str]:
    files = [str(file.absolute()) for file in adapters]
    return python_command(f"{__package__}.snapshot_main", what, name, str(target), *files, first=first)


def _left(folder: Path, name: str, ended: str) -> tuple[bytes, Problem | None]:
    target = folder / "left"
    problem = target.with_name(target.name + PROBLEM)
    if problem.exists():
        return b"", msgspec.json.decode(problem.read_bytes(), type=Problem)
    if not target.exists() or ended:
        how = describe_end(folder, name, ended or "its process left nothing")
        return b"", Problem(f"{how}; it said last: {last_output(folder, name)}")
    return target.read_bytes(), None


def _check_release(recording: Recording, wanted: Requirement) -> None:
    about, [pin] = recording.about, wanted.specifier
    if canonicalize_name(about.distribution) != canonicalize_name(wanted.name):
        return
    try:
        is_it = Version(about.version) in wanted.specifier or about.version == pin.version
    except InvalidVersion:
        is_it = about.version == pin.version
    if not is_it:
        raise NotThatRelease(f"{wanted} was asked for, but {about.sparsifier} ran with {about.version}")
