"""Plan the work of one process: which sparsifiers it judges, on which cells, with which expectations."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import msgspec
from msgspec import Struct

from .. import catalogue
from ..adapter.discovery import BrokenAdapter, Found, Registration, called, load, registrations, search_beside
from ..adapter.origin import JudgedCode
from ..adapter.own_code import own_digest, own_version
from ..catalogue.selecting import check_selection
from ..process.environment import here
from ..process.imports import note_changes, watched_import
from ..process.line_coverage import note_files
from ..report.expectation import Expectation, InvalidExpectations, in_force
from ..report.expectation_file import read_expectations
from ..report.ledger import SMOKE, Planned, enumerate_cells
from ..report.report import Report, salvage
from ..report.resuming import CannotResume, check_same
from ..report.sharding import Weights, cells_of_shard, read_weights
from ..suggestions import UnknownName
from ..values.declaration import Environment
from ..values.record import Header, Record, Subject
from ..values.selection import Selection
from ..values.shard import Shard


class SessionRequest(Struct, frozen=True):
    """The request that a session is planned from.

    Attributes:
        subjects: Names of registered sparsifiers; if empty, as for `select_registrations`.
        adapters: Paths of adapter files.
        selection: The part of the catalogue to judge.
        limit: Seconds that one case may take.
        shard: The shard to judge, or None for the whole plan.
        durations: The path of a report by whose durations the shards are balanced, or an empty string.
        kept: The path of a file with records of an interrupted run, which are not judged again, or an empty string.
        catalogue: The version of the catalogue to judge by.
        ignores_expectations: Whether to judge as if there were no expectation files.
    """

    subjects: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    selection: Selection = Selection()
    limit: float = 60.0
    shard: Shard | None = None
    durations: str = ""
    kept: str = ""
    catalogue: int = catalogue.VERSION
    ignores_expectations: bool = False


@dataclass(frozen=True)
class SparsifierPlan:
    """One sparsifier with its planned cells.

    Attributes:
        found: The loaded adapter.
        subject: The sparsifier's entry in the header of the report.
        planned: The cells to judge, in order.
        expectations: The expectations that apply here.
        smoke: The smoke cells, which are judged first whatever the selection.
        kept: The records of planned cells that an interrupted run has judged.
    """

    found: Found
    subject: Subject
    planned: tuple[Planned, ...]
    expectations: tuple[Expectation, ...]
    smoke: tuple[Planned, ...]
    kept: tuple[Record, ...] = ()

    @property
    def to_judge(self) -> list[Planned]:
        """Return the planned cells for which a case runs: neither unavailable nor kept from an interrupted run."""
        done = {record.cell for record in self.kept}
        return [one for one in self.planned if one.disposition != "unavailable" and one.cell.id not in done]


@dataclass(frozen=True)
class Session:
    """The plan of one process.

    Attributes:
        request: The request it was planned from.
        plans: One plan per sparsifier.
        problems: The subjects that cannot be judged, with the reason.
    """

    request: SessionRequest
    plans: tuple[SparsifierPlan, ...]
    problems: tuple[Subject, ...]

    @property
    def header(self) -> Header:
        """Return the header of the report of this session."""
        return Header(
            catalogue=self.request.catalogue,
            started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            subjects=tuple(one.subject for one in self.plans) + self.problems,
            selection=self.request.selection,
            sparsecheck=own_version(),
            shard=str(self.request.shard or ""),
            requirements=catalogue.revisions(self.request.catalogue),
            code=own_digest(),
        )

    def planned_for(self, requirement: str) -> list[Planned]:
        """Return the cells of one requirement for which its case runs."""
        return self._by_requirement.get(requirement, [])

    @cached_property
    def _by_requirement(self) -> dict[str, list[Planned]]:
        found: dict[str, list[Planned]] = {}
        for plan in self.plans:
            for planned in plan.to_judge:
                found.setdefault(planned.cell.requirement, []).append(planned)
        return found

    def of(self, sparsifier: str) -> SparsifierPlan:
        """Return the plan of one sparsifier.

        Raises:
            KeyError: This session does not judge `sparsifier`.
        """
        return self._by_name[sparsifier]

    @cached_property
    def _by_name(self) -> dict[str, SparsifierPlan]:
        return {one.found.name: one for one in self.plans}

    @property
    def digest(self) -> str:
        """Return a digest of the planned cells, and of the declarations, expectations and code that decide verdicts.

        A pytest-xdist worker with a different digest must not judge.
        """
        cells = [(planned.cell.id, planned.disposition) for one in self.plans for planned in one.planned]
        stated = [one.found.declaration for one in self.plans]
        expected = [one.subject.expected for one in self.plans]
        code = [(one.subject.origin, one.subject.fingerprint) for one in self.plans]
        parts = cells, stated, expected, code, own_digest()
        return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


def plan_session(request: SessionRequest) -> Session:
    """Load the requested sparsifiers and plan their cells.

    A sparsifier that cannot be judged becomes a problem of the session, not an error.

    Raises:
        NotFound: A requested name is not registered.
        UnknownName, InvalidCell: The selection names something that does not exist.
        InvalidReport: The durations or the kept records cannot be read.
    """
    check_selection(request.selection)
    environment, files = here(), tuple(map(Path, request.adapters))
    weights = read_weights(Path(request.durations) if request.durations else None)
    kept = salvage(Path(request.kept)) if request.kept else None
    plans: list[SparsifierPlan] = []
    problems: list[Subject] = []
    for registration in select_registrations(request.subjects, files):
        try:
            plan = _plan(registration, request, weights, environment)
            plans.append(_with_kept(plan, kept) if kept is not None else plan)
        except (BrokenAdapter, InvalidExpectations, CannotResume, UnknownName) as error:
            problems.append(Subject(registration.name, environment=environment, problem=str(error)))
    return Session(request, tuple(plans), tuple(problems))


def select_registrations(names: Sequence[str], files: Iterable[Path]) -> list[Registration]:
    """Return the sparsifiers to judge, each name once.

    Args:
        names: Registered names. If there are none: the sparsifiers of the adapter files, or if there are no files
            either, all sparsifiers whose package is installed.
        files: Adapter files.

    Raises:
        NotFound: A name is not registered.
    """
    every = registrations(files)
    if names:
        return [called(name, every) for name in dict.fromkeys(names)]
    own = [one for one in every if one.file is not None]
    return list({one.name: one for one in own or every if not one.lacking}.values())


def _plan(
    registration: Registration, request: SessionRequest, weights: Weights, environment: Environment
) -> SparsifierPlan:
    name, selection = registration.name, request.selection
    search_beside(registration)
    with watched_import() as changes:
        found = load(registration, supposing=selection.probe)
    note_changes(type(found.adapter).__module__, changes)
    if selection.probe and not found.declaration.supposed:
        raise BrokenAdapter(f"{found.source} declares every capability: there is nothing to probe")
    requirements = catalogue.at_version(request.catalogue)
    whole = enumerate_cells(requirements, found.declaration, Selection(), environment)
    planned = enumerate_cells(requirements, found.declaration, selection, environment)
    check_cells(name, selection.cells, [one.cell.id for one in whole])
    entries = () if request.ignores_expectations else read_expectations(found.expectations, name)
    expectations = in_force(
        entries, found.declaration, environment, [one.cell for one in whole],
        request.catalogue,
    )
    planned, share = cells_of_shard(planned, request.shard, weights)
    ids = tuple(one.cell.id for one in planned)
    code = JudgedCode(found.declaration.distribution, type(found.adapter).__module__, found.source)
    note_files(code.python_files)
    subject = Subject(name, found.declaration, environment, "", ids, str(registration.file or ""), share,
                      code.origin, tuple(entry.value for entry in expectations), code.fingerprint(found.expectations))
    smoke = tuple(one for one in whole if one.cell.area == SMOKE and one.disposition == "judge")
    return SparsifierPlan(found, subject, planned, expectations, smoke)


def check_cells(name: str, ids: Iterable[str], known: Sequence[str]) -> None:
    """Check that every cell of sparsifier `name` among `ids` is one of its `known` cells.

    Raises:
        UnknownName: One is not; the message names the nearest cells of the same requirement.
    """
    for id in ids:
        if id.partition(":")[0] == name and id not in known:
            requirement = id.partition("/")[0] + "/"
            alike = [one for one in known if one.startswith(requirement)]
            hint = "" if alike else f"{name} has no cell of this requirement here."
            raise UnknownName(f"cell of {name}", id, alike, hint)


def _with_kept(plan: SparsifierPlan, kept: Report) -> SparsifierPlan:
    """Return the plan with its records of an interrupted run.

    Raises:
        CannotResume: The interrupted run judged another declaration, environment or plan.
    """
    for subject in kept.header.subjects:
        if subject.sparsifier == plan.subject.sparsifier:
            check_same(subject, plan.subject)
    return replace(plan, kept=kept.of(plan.subject.sparsifier))
