"""What one process is to judge: the sparsifiers, their cells, their expectations."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec
from msgspec import Struct

from .. import catalogue
from ..judging.expectation import Expectation, InvalidExpectations, in_force, read_expectations
from ..judging.ledger import SMOKE, Planned, enumerate_cells
from ..subject.discovery import BrokenAdapter, Found, find, load, registrations
from ..trials.environment import here
from ..values.declaration import Environment
from ..values.record import Header, Subject
from ..values.selection import Selection


class Asked(Struct, frozen=True):
    """What a run is asked for. subjects: registered names, all if empty. adapters: files.
    limit: seconds that one case may take."""

    subjects: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    selection: Selection = Selection()
    limit: float = 60.0


@dataclass(frozen=True)
class Judged:
    """One sparsifier ready to be judged. smoke: the cells that judge its adapter first, whatever was selected."""

    found: Found
    subject: Subject
    planned: tuple[Planned, ...]
    expectations: tuple[Expectation, ...]
    smoke: tuple[Planned, ...]


@dataclass(frozen=True)
class Session:
    """All that one process judges. problems: the subjects that cannot be."""

    asked: Asked
    judged: tuple[Judged, ...]
    problems: tuple[Subject, ...]

    @property
    def header(self) -> Header:
        return Header(
            catalogue=catalogue.digest(),
            started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            subjects=tuple(one.subject for one in self.judged) + self.problems,
            selection=self.asked.selection,
            sparsecheck=_own_version(),
        )

    def planned_for(self, requirement: str) -> list[Planned]:
        """The cells of one requirement that a case is to run: all but the unavailable ones."""
        return [
            planned
            for one in self.judged
            for planned in one.planned
            if planned.cell.requirement == requirement and planned.disposition != "unavailable"
        ]

    def of(self, sparsifier: str) -> Judged:
        """Raises:
        KeyError: this session does not judge `sparsifier`.
        """
        for one in self.judged:
            if one.found.name == sparsifier:
                return one
        raise KeyError(sparsifier)

    @property
    def digest(self) -> str:
        """Identifies the ledger: a worker whose own has another must not judge."""
        cells = [(planned.cell.id, planned.disposition) for one in self.judged for planned in one.planned]
        return hashlib.sha256(msgspec.json.encode(cells)).hexdigest()


def draw_up(asked: Asked) -> Session:
    """Load what is asked for and draw up its ledger; what cannot be judged becomes a problem, not an error.

    Raises:
        NotFound: a name that was asked for is not registered.
    """
    environment, files = here(), tuple(map(Path, asked.adapters))
    judged: list[Judged] = []
    problems: list[Subject] = []
    for name in names(asked, files):
        try:
            judged.append(_ready(name, files, asked.selection, environment))
        except (BrokenAdapter, InvalidExpectations) as error:
            problems.append(Subject(name, environment=environment, problem=str(error)))
    return Session(asked, tuple(judged), tuple(problems))


def names(asked: Asked, files: Iterable[Path]) -> list[str]:
    """The names to judge, each once. Adapter files alone are judged alone; what is not installed, if it is named.

    Raises:
        NotFound: a name that was asked for is not registered.
    """
    every = registrations(files)
    if asked.subjects:
        return list(dict.fromkeys(find(name, files).name for name in asked.subjects))
    own = [one for one in every if one.file is not None]
    return list(dict.fromkeys(one.name for one in own or every if not one.lacking))


def _ready(name: str, files: tuple[Path, ...], selection: Selection, environment: Environment) -> Judged:
    registration = find(name, files)
    found = load(registration, supposing=selection.probe)
    if selection.probe and not found.declaration.supposed:
        raise BrokenAdapter(f"{found.source} declares every capability: there is nothing to probe")
    whole = enumerate_cells(catalogue.CATALOGUE, found.declaration, Selection(), environment)
    planned = enumerate_cells(catalogue.CATALOGUE, found.declaration, selection, environment)
    if not planned:
        raise BrokenAdapter("the selection matches none of its cells")
    expectations = in_force(
        read_expectations(found.expectations, name), found.declaration, environment, [one.cell for one in whole]
    )
    ids = tuple(one.cell.id for one in planned)
    subject = Subject(name, found.declaration, environment, planned=ids, adapter=str(registration.file or ""))
    smoke = tuple(one for one in whole if one.cell.area == SMOKE and one.disposition == "judge")
    return Judged(found, subject, planned, expectations, smoke)


def _own_version() -> str:
    return version("sparsecheck")

