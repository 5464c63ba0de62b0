"""Small correct values for tests to vary, one of each kind that a run consists of."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from sparsecheck.catalogue import VERSION, revisions
from sparsecheck.report.expectation import Expectation
from sparsecheck.report.report import Report
from sparsecheck.values.capability import CAPABILITIES, declare
from sparsecheck.values.contract import Contract
from sparsecheck.values.declaration import Declaration, Environment
from sparsecheck.values.record import Footer, Header, Record, Subject, Verdict
from sparsecheck.values.requirement import Requirement
from tests.warm_python import COLD

WRONG = "output-differs: output differs at 3 of 8"
"""The signature of a failure."""

EXPECTED = "output-differs: output differs.* (at most 3 of 8)"
"""A signature that explains it."""

CONTRACT: dict[str, Any] = {
    "holds": "parametrization", "rounding": "half-even", "level_basis": "dense", "score": "magnitude-l1",
    "masks_at": "update", "regrowth": "free", "mask_storage": "both", "restores_into": "attached",
    "ragged": "prune", "ties": "lowest index", "sizes": "any", "names": "kept", "alone": "masked",
    "attaches": "in place", "trained": "weight", "rezeroed_by": "package",
    "accumulator_hooks": "kept", "parameter_order": "changed", "optimizers": "kept",
    "weight_attribute": "any", "averages": "any", "invariances": "none", "schedules": "none", "rewinds": "no",
    "pickled": "any", "threads": "any", "undone": "none",
}


def cuts(text: bytes) -> list[int]:
    """Return the lengths to which tests cut a report.

    Near the ends of lines these are all, elsewhere every seventh, since the middle of a line is as good as another;
    `.ci/nightly` takes all.
    """
    ends = [place for place, byte in enumerate(text) if byte == ord("\n")]
    near = {end + more for end in (0, *ends, len(text)) for more in range(-4, 5)}
    step = 1 if COLD in os.environ else 7
    return sorted({*range(0, len(text), step), *near} & {*range(len(text))})


def contract(**clauses: str) -> Contract:
    """Return a contract; `clauses` replace those of `CONTRACT`."""
    return Contract(**{**CONTRACT, **clauses})


def declaration(
    without: str = "", name: str = "it", version: str = "1.5", profile: Any = "mask", **clauses: str
) -> Declaration:
    """Return a declaration that supports every capability but those in `without`, separated by spaces."""
    lacking = frozenset(without.split())
    capabilities = declare(set(CAPABILITIES) - lacking, lacking)
    return Declaration(
        name, "acme", version, "", "", profile, capabilities, contract(**clauses), catalogue=VERSION
    )


def environment(torch: str = "2.13.0+cpu", devices: tuple[str, ...] = ("cpu",), platform: str = "linux") -> Environment:
    """Return an environment, without an accelerator unless `devices` has one."""
    offers = ("graphs", "peak memory") if len(devices) > 1 else ()
    return Environment(torch, "2.0.0", "3.11.0", platform, devices, offers=offers, digits="1.5")


def requirement(id: str = "MASK-01", **fields: Any) -> Requirement:
    """Return a core requirement; `fields` are those of `Requirement`."""
    return Requirement(**{"id": id, "level": "core", "sentence": "It is so.", "source": "here", **fields})


def cell(requirement: str = "MASK-01", layer: str = "linear", name: str = "it") -> str:
    """Return the id of a cell."""
    return f"{name}:{requirement}/{layer}/given/float32/cpu"


def passed(*cells: str) -> tuple[Record, ...]:
    """Return a record that passed for each of `cells`."""
    return tuple(Record(one, Verdict.PASSED) for one in cells)


def report(
    records: Iterable[Record] = (), planned: Iterable[str] | None = None, name: str = "it",
    problem: str = "", interrupted: str = "", **header: Any,
) -> Report:
    """Return a complete report on one sparsifier.

    Its ledger is that of the records, unless `planned` is given; `header` are fields of `Header`.
    """
    records = tuple(records)
    cells = tuple(record.cell for record in records) if planned is None else tuple(planned)
    declared = None if problem else declaration(name=name)
    subject = Subject(name, declared, environment(), problem, planned=cells)
    identity = {"catalogue": VERSION, "requirements": revisions()}
    fields = {**identity, "started": "2026-01-01T00:00:00+00:00", "subjects": (subject,), **header}
    without_footer = Report(Header(**fields), records, None)
    return Report(without_footer.header, records, Footer(without_footer.outcomes(), interrupted))


def expectation(**fields: Any) -> Expectation:
    """Return one on MASK-01 that fails as `WRONG`, without an id; `fields` replace its own.

    `requirement` and `signature` stand for a list of one.
    """
    plain = {"sparsifiers": ("it",), "requirement": "MASK-01", "reason": "It is so.", "signature": EXPECTED}
    wanted = {**plain, **fields}
    for one, several in (("requirement", "requirements"), ("signature", "signatures")):
        value = wanted.pop(one)
        wanted.setdefault(several, (value,))
    return Expectation(**wanted)
