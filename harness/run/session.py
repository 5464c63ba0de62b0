"""What one process is to judge: the sparsifiers, their cells, their expectations."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import msgspec
from msgspec import Struct

from .. import catalogue
from ..adapter.discovery import BrokenAdapter, Found, Registration, called, load, registrations
from ..process.environment import here
from ..report.expectation import Expectation, InvalidExpectations, in_force, read_expectations
from ..report.ledger import SMOKE, Planned, enumerate_cells
from ..report.report import Report, salvage
from ..report.resuming import CannotResume, check_same
from ..report.sharding import Weights, read_weights, taken
from ..values.declaration import Environment
from ..values.record import Header, Record, Subject
from ..values.selection import Selection
from ..values.shard import Shard


class Asked(Struct, frozen=True):
    """What a run is asked for. subjects: registered names, all if empty. adapters: files.
    limit: seconds that one case may take. shard: the part of the plan to judge, balanced by the report `durations`.
    kept: a file of records that were judged before and are not judged again. catalogue: the version to judge by."""

    subjects: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    selection: Selection = Selection()
    limit: float = 60.0
    shard: Shard | None = None
    durations: str = ""
    kept: str = ""
    catalogue: int = catalogue.VERSION


@dataclass(frozen=True)
class Judged:
    """One sparsifier ready to be judged. smoke: the cells that judge its adapter first, whatever was selected.
    kept: the records of planned cells that were judged before."""

    found: Found
    subject: Subject
    planned: tuple[Planned, ...]
    expectations: tuple[Expectation, ...]
    smoke: tuple[Planned, ...]
    kept: tuple[Record, ...] = ()

    @property
    def to_judge(self) -> list[Planned]:
        """The cells that a case is to run: all but the unavailable ones, and those judged before."""
        done = {record.cell for record in self.kept}
        return [one for one in self.planned if one.disposition != "unavailable" and one.cell.id not in done]


@dataclass(frozen=True)
class Session:
    """All that one process judges. problems: the subjects that cannot be."""

    asked: Asked
    judged: tuple[Judged, ...]
    problems: tuple[Subject, ...]

    @property
    def header(self) -> Header:
        return Header(
            catalogue=self.asked.catalogue,
            started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            subjects=tuple(one.subject for one in self.judged) + self.problems,
            selection=self.asked.selection,
            sparsecheck=own_version(),
            shard=str(self.asked.shard or ""),
            requirements=catalogue.revisions(self.asked.catalogue),
        )

    def planned_for(self, requirement: str) -> list[Planned]:
        """The cells of one requirement that a case is to run."""
        return self._by_requirement.get(requirement, [])

    @cached_property
    def _by_requirement(self) -> dict[str, list[Planned]]:
        found: dict[str, list[Planned]] = {}
        for one in (one for judged in self.judged for one in judged.to_judge):
            found.setdefault(one.cell.requirement, []).append(one)
        return found

    def of(self, sparsifier: str) -> Judged:
        """Raises:
        KeyError: this session does not judge `sparsifier`.
        """
        return self._by_name[sparsifier]

    @cached_property
    def _by_name(self) -> dict[str, Judged]:
        return {one.found.name: one for one in self.judged}

    @property
    def digest(self) -> str:
        """Identifies the ledger: a worker whose own has another must not judge."""
        cells = [(planned.cell.id, planned.disposition) for one in self.judged for planned in one.planned]
        return hashlib.sha256(msgspec.json.encode(cells)).hexdigest()


def draw_up(asked: Asked) -> Session:
    """Load what is asked for and draw up its ledger; what cannot be judged becomes a problem, not an error.

    Raises:
        NotFound: a name that was asked for is not registered.
        InvalidReport, OSError: the durations, or what is kept, cannot be read.
    """
    environment, files = here(), tuple(map(Path, asked.adapters))
    weights = read_weights(Path(asked.durations) if asked.durations else None)
    kept = salvage(Path(asked.kept)) if asked.kept else None
    judged: list[Judged] = []
    problems: list[Subject] = []
    for registration in chosen(asked.subjects, files):
        try:
            one = _ready(registration, asked, weights, environment)
            judged.append(_less_kept(one, kept) if kept is not None else one)
        except (BrokenAdapter, InvalidExpectations, CannotResume) as error:
            problems.append(Subject(registration.name, environment=environment, problem=str(error)))
    return Session(asked, tuple(judged), tuple(problems))


def chosen(names: Sequence[str], files: Iterable[Path]) -> list[Registration]:
    """What to judge, each name once. Adapter files alone are judged alone; what is not installed, if it is named.

    Raises:
        NotFound: a name that was asked for is not registered.
    """
    every = registrations(files)
    if names:
        return [called(name, every) for name in dict.fromkeys(names)]
    own = [one for one in every if one.file is not None]
    return list({one.name: one for one in own or every if not one.lacking}.values())


def _ready(registration: Registration, asked: Asked, weights: Weights, environment: Environment) -> Judged:
    name, selection = registration.name, asked.selection
    found = load(registration, supposing=selection.probe)
    if selection.probe and not found.declaration.supposed:
        raise BrokenAdapter(f"{found.source} declares every capability: there is nothing to probe")
    requirements = catalogue.at_version(asked.catalogue)
    whole = enumerate_cells(requirements, found.declaration, Selection(), environment)
    planned = enumerate_cells(requirements, found.declaration, selection, environment)
    if not planned:
        raise BrokenAdapter("the selection matches none of its cells")
    expectations = in_force(
        read_expectations(found.expectations, name), found.declaration, environment, [one.cell for one in whole]
    )
    planned, share = taken(planned, asked.shard, weights)
    ids = tuple(one.cell.id for one in planned)
    subject = Subject(name, found.declaration, environment, "", ids, str(registration.file or ""), share)
    smoke = tuple(one for one in whole if one.cell.area == SMOKE and one.disposition == "judge")
    return Judged(found, subject, planned, expectations, smoke)


def _less_kept(judged: Judged, kept: Report) -> Judged:
    """Raises:
    CannotResume: what was judged before is not this.
    """
    for subject in kept.header.subjects:
        if subject.sparsifier == judged.subject.sparsifier:
            check_same(subject, judged.subject)
    return replace(judged, kept=kept.of(judged.subject.sparsifier))


def own_version() -> str:
    """Of this sparsecheck."""
    return version("sparsecheck")

