"""Expectations are strict: each covers its cells, explains its signatures, and must not be stale."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from sparsecheck.adapter.discovery import Found, load, registrations
from sparsecheck.catalogue import RETIRED, VERSION
from sparsecheck.report.expectation import Expectation, InvalidExpectations, in_force
from sparsecheck.report.expectation_file import parse_expectations, read_expectations
from sparsecheck.report.ledger import Planned
from sparsecheck.report.reasons import exit_code
from sparsecheck.report.report import Report
from sparsecheck.report.verdict import weigh
from sparsecheck.run.session import SessionRequest, plan_session
from sparsecheck.values.cell import Cell
from sparsecheck.values.record import Footer, Verdict
from tests.bench_of_one import available, judge
from tests.faulty import faulty, run
from tests.samples import cell, declaration, environment, expectation
from tests.stand_in import HERE

ENTRY = """
[[defect]]
id = "breaks-{number}"
sparsifiers = ["it"]
requirements = ["MASK-01"]
signatures = ["output-differs: lost"]
reason = "It is so."
"""


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({}, True),
        ({"torch": ">=2.2"}, True),
        ({"torch": "<2.13"}, False),
        ({"torch": "==2.13.*"}, True),
        ({"torch": "==2.13.0"}, True),
        ({"version": "<2"}, True),
        ({"version": ">=2"}, False),
        ({"platform": "linux"}, True),
        ({"platform": "lin"}, True),
        ({"platform": "win"}, False),
        ({"torch": ">=2.2", "version": ">=2"}, False),
        ({"torch": "<2", "version": "<2"}, False),
        ({"torch": ">=2.2", "version": "<2", "platform": "win32"}, False),
    ],
)
def test_an_expectation_holds_where_all_its_conditions_do(condition: dict[str, str], holds: bool) -> None:
    assert expectation(**condition).holds(declaration(version="1.5"), environment(torch="2.13.0+cpu")) is holds


@pytest.mark.parametrize(
    ("specifier", "torch", "holds"),
    [(">=2.14", "2.14.0a0+git1234567", True), (">=2.14", "2.14.0rc1", True), ("<2.14", "2.14.0.dev20260101", False)],
)
def test_a_prerelease_counts_as_its_release(specifier: str, torch: str, holds: bool) -> None:
    assert expectation(torch=specifier).holds(declaration(), environment(torch=torch)) is holds


@pytest.mark.parametrize(
    ("axes", "covered"),
    [
        ({}, True),
        ({"layer": ("linear",)}, True),
        ({"layer": ("conv2d", "linear")}, True),
        ({"layer": ("conv2d",)}, False),
        ({"pattern": ("2of4",)}, False),
        ({"dtype": ("float64",)}, False),
        ({"device": ("cuda",)}, False),
        ({"layer": ("linear",), "pattern": ("given",), "dtype": ("float32",), "device": ("cpu",)}, True),
        ({"layer": ("linear",), "pattern": ("given",), "dtype": ("float32",), "device": ("cuda",)}, False),
        ({"requirement": "MASK-02"}, False),
        ({"requirement": "*", "layer": ("linear",)}, True),
        ({"requirement": "*", "layer": ("conv2d",)}, False),
        ({"requirement": "MASK-*"}, True),
        ({"requirement": "REG-*"}, False),
        ({"requirements": ("REG-01", "MASK-01")}, True),
        ({"requirements": (), "cells": ("MASK-01",)}, True),
        ({"requirements": (), "cells": ("MASK-02", "MASK-01/linear")}, True),
        ({"requirements": (), "cells": ("MASK-*/*/*/float32/cpu",)}, True),
        ({"requirements": (), "cells": ("*/linear",)}, True),
        ({"requirements": (), "cells": ("it:MASK-01/linear",)}, True),
        ({"requirements": (), "cells": ("other:MASK-01/linear",), "sparsifiers": ("it", "other")}, False),
        ({"requirements": (), "cells": ("MASK-01/conv2d", "MASK-02/linear")}, False),
        ({"requirements": (), "cells": ("MASK-01/*/*/float16",)}, False),
    ],
)
def test_an_expectation_covers_the_cells_of_its_requirement_on_its_axes(axes: dict[str, Any], covered: bool) -> None:
    assert expectation(**axes).covers(Cell.parse(cell("MASK-01"))) is covered


@pytest.mark.parametrize(
    ("expected", "seen", "explained"),
    [
        ("output-differs: .* layer1 .* (at most 3 of 8)", "output-differs: output of layer1 differs at 3 of 8", True),
        ("output-differs: .* layer1 .* (at most 3 of 8)", "output-differs: output of layer2 differs at 3 of 8", False),
        ("output-differs: lost", "output-differs: lost", True),
        ("output-differs: lost", "mask-differs: lost", False),
        ("output-differs: lost", "output-differs-too: lost", False),
        ("RuntimeError", "RuntimeError: size mismatch", False),
        ("RuntimeError: .*size.*", "RuntimeError: a size mismatch", True),
        ("RuntimeError: size", "RuntimeError: a size mismatch", False),
        ("RuntimeError: size mismatch, .* 3", "RuntimeError: size mismatch, 2 and 3", True),
        ("RuntimeError: size.*", "RuntimeError: device mismatch", False),
        ("RuntimeError: size.*", "ValueError: size mismatch", False),
        ("RuntimeError: size.*", "RuntimeError: ", False),
        ("KeyError: 'a: b'", "KeyError: 'a: b'", True),
    ],
)
def test_an_expectation_explains_its_kind_and_message_alone(expected: str, seen: str, explained: bool) -> None:
    assert expectation(signature=expected).explains(seen) is explained
    assert expectation(signatures=("aliased: lost", expected)).explains(seen) is explained


PLANNED = [Cell.parse(cell("MASK-01")), Cell.parse(cell("MASK-01", "conv2d"))]


def test_only_entries_whose_conditions_hold_are_in_force() -> None:
    here, elsewhere = expectation(), expectation(torch="<2", requirement="MASK-99", until=">=0")
    assert in_force([here, elsewhere], declaration(), environment(), PLANNED) == (here,)


def test_an_expectation_is_in_force_if_it_covers_any_cell() -> None:
    one = expectation(layer=("linear",))
    assert in_force([one], declaration(), environment(), PLANNED) == (one,)


def test_an_expectation_with_a_version_needs_a_valid_version() -> None:
    with pytest.raises(InvalidExpectations, match="does not follow PEP 440"):
        in_force([expectation(version="<2"), expectation()], declaration(version="nightly"), environment(), PLANNED)


def test_an_expectation_on_an_unknown_requirement_is_an_error() -> None:
    with pytest.raises(InvalidExpectations, match=r"^it: the expectation on MASK-99: no requirement is called"):
        in_force([expectation(requirement="MASK-99")], declaration(), environment(), PLANNED)


@pytest.mark.parametrize(
    "fields",
    [
        {"requirements": ("MASK-01", "MASK-99")}, {"requirement": "MUSK-*"},
        {"requirements": (), "cells": ("MASK-01", "MUSK-*/linear")},
    ],
)
def test_every_requirement_of_a_defect_must_exist(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidExpectations, match=r"^it: defect x: no requirement is called '(MASK-99|MUSK-\*)'"):
        in_force([expectation(id="x", **fields)], declaration(), environment(), PLANNED)


@pytest.mark.parametrize(("fields", "fits"), [({}, True), ({"version": "<2"}, False), ({"until": ">=2"}, False)])
def test_an_expectation_with_an_invalid_version_is_an_error(fields: dict[str, str], fits: bool) -> None:
    it = declaration(version="nightly")
    if fits:
        assert in_force([expectation(**fields)], it, environment(), PLANNED)
        return
    with pytest.raises(InvalidExpectations, match="'nightly' does not follow PEP 440"):
        in_force([expectation(**fields)], it, environment(), PLANNED)


@pytest.mark.parametrize("axes", [{"requirement": "MASK-16"}, {"layer": ("linaer",)}, {"device": ("cuda",)}])
def test_an_expectation_that_covers_no_cell_is_an_error(axes: dict[str, Any]) -> None:
    with pytest.raises(InvalidExpectations, match=r"^it: the expectation on MASK-\d\d covers no planned cell"):
        in_force([expectation(**axes)], declaration(), environment(), PLANNED)


@pytest.mark.parametrize("axes", [{"requirement": "MASK-16"}, {"layer": ("linaer",)}])
def test_an_expectation_that_covers_no_cell_is_left_out_before_the_adapter_states_the_catalogue(
    axes: dict[str, Any]
) -> None:
    """Refusals, for one, went into an area of their own: what was planned once need not be planned now."""
    older, here = replace(declaration(), catalogue=VERSION - 1), expectation()
    assert in_force([expectation(**axes), here], older, environment(), PLANNED) == (here,)
    assert in_force([expectation(**axes), here], declaration(), environment(), PLANNED, VERSION - 1) == (here,)


def test_an_expectation_on_a_retired_requirement_is_left_out_before_the_adapter_states_the_catalogue(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RETIRED, "MASK-99", "by REFUSE-01")
    entry, older = expectation(requirement="MASK-99"), replace(declaration(), catalogue=VERSION - 1)
    assert in_force([entry], older, environment(), PLANNED) == ()
    with pytest.raises(InvalidExpectations, match=r"It was retired: by REFUSE-01\."):
        in_force([entry], declaration(), environment(), PLANNED)


@pytest.mark.parametrize(("version", "past"), [("1.9", False), ("2.0", True), ("2.0rc1", True), ("2.1", True)])
def test_an_expectation_past_its_until_is_an_error(version: str, past: bool) -> None:
    dated, it = [expectation(until=">=2")], declaration(version=version)
    if not past:
        assert in_force(dated, it, environment(), PLANNED)
        return
    with pytest.raises(InvalidExpectations, match=f"until >=2, and this is {version}. Fix the defect"):
        in_force(dated, it, environment(), PLANNED)


BREAKS = "[module for module in model.modules() if type(module) is torch.nn.Conv2d] and (_ for _ in ()).throw({})"
LINEAR, CONV2D = "MASK-01/linear/given/float32/cpu", "MASK-01/conv2d/given/float32/cpu"
WITHOUT = "MASK-02/conv2d/given/float32/cpu"


def entry(name: str, layer: str = "conv2d", signature: str = "RuntimeError: broken here") -> str:
    text = ENTRY.format(number=layer).replace('"it"', f'"{name}"').replace('"output-differs: lost"', f'"{signature}"')
    return text + f'layer = ["{layer}"]\n'


def adapter(folder: Path, name: str, expectations: str) -> str:
    """Write an adapter file whose sparsifier raises on a Conv2d, with expectations next to it."""
    (folder / f"{name}.expectations.toml").write_text(expectations, "utf-8")
    return str(faulty(folder, BREAKS.format("RuntimeError('broken here')"), name))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """One run of two sparsifiers: one with the expectation it wants, one with two that it does not and none besides."""
    folder = tmp_path_factory.mktemp("expectations")
    unwanted = entry("unwanted", signature="RuntimeError: otherwise") + entry("unwanted", "linear")
    arguments = ["--adapter", adapter(folder, "wanted", entry("wanted")), "--adapter"]
    arguments += [adapter(folder, "unwanted", unwanted)]
    cells = [f"{name}:{axes}" for name in ("wanted", "unwanted") for axes in (LINEAR, CONV2D)]
    for id in (*cells, f"unwanted:{WITHOUT}"):
        arguments += ["--cell", id]
    ended = run(folder, *arguments)
    assert ended.report is not None, ended.output
    return ended.report


def alone(judged: Report, name: str) -> Report:
    """Return the part of a report that is about one sparsifier."""
    subjects = tuple(subject for subject in judged.header.subjects if subject.sparsifier == name)
    return Report(replace(judged.header, subjects=subjects), judged.of(name), Footer(()))


@pytest.mark.parametrize(("name", "code"), [("wanted", 0), ("unwanted", 1)])
def test_a_run_is_green_only_with_the_right_expectations(judged: Report, name: str, code: int) -> None:
    assert exit_code(alone(judged, name)) == code


@pytest.mark.parametrize(
    ("id", "verdict"),
    [
        (f"wanted:{LINEAR}", Verdict.PASSED),
        (f"wanted:{CONV2D}", Verdict.KNOWN),
        (f"unwanted:{LINEAR}", Verdict.STALE),
        (f"unwanted:{CONV2D}", Verdict.FAILED),
        (f"unwanted:{WITHOUT}", Verdict.FAILED),
    ],
)
def test_expectations_are_applied_to_every_cell(judged: Report, id: str, verdict: Verdict) -> None:
    assert [record.verdict for record in judged.records if record.cell == id] == [verdict]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("count = 1", "invalid.expectations.toml: entry 1 (breaks-conv2d): unknown key 'count'"),
        ('device = ["tpu"]', "invalid: defect breaks-conv2d covers no planned cell"),
        ('until = ">=0"', "invalid: defect breaks-conv2d was expected until >=0"),
    ],
)
def test_a_sparsifier_with_invalid_expectations_is_not_judged(tmp_path: Path, line: str, said: str) -> None:
    session = plan_session(SessionRequest(adapters=(adapter(tmp_path, "invalid", f"{entry('invalid')}{line}\n"),)))
    assert session.plans == ()
    assert said in session.problems[0].problem


@dataclasses.dataclass(frozen=True)
class Shipped:
    """A requirement in an entry of an expectation file that ships, for one of the entry's sparsifiers.

    cells: The cells of the requirement that the entry covers and that can be judged here.
    """

    found: Found
    entries: tuple[Expectation, ...]
    position: int
    requirement: str
    cells: tuple[Planned, ...]

    @property
    def entry(self) -> Expectation:
        return self.entries[self.position]

    @property
    def id(self) -> str:
        return f"{self.found.name}-{self.entry.id}-{self.requirement}"


def shipped() -> list[Shipped]:
    """Return every requirement in every shipped entry that holds here, once for each of its sparsifiers."""
    every = []
    for one in registrations():
        if one.distribution == "sparsecheck" and not one.lacking:
            found = load(one)
            judged = [*available(found.adapter)]
            entries = read_expectations(found.expectations, one.name)
            holding = tuple(entry for entry in entries if entry.holds(found.declaration, HERE))
            for position, entry in enumerate(holding):
                every += [Shipped(found, holding, position, id, cells) for id, cells in covered(judged, entry).items()]
    return every


def covered(judged: list[Planned], entry: Expectation) -> dict[str, tuple[Planned, ...]]:
    """Return by requirement those of the cells that `entry` covers."""
    cells: dict[str, tuple[Planned, ...]] = {}
    for one in judged:
        if entry.covers(one.cell):
            cells[one.cell.requirement] = (*cells.get(one.cell.requirement, ()), one)
    return cells


SHIPPED = shipped()


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: one.id)
def test_a_run_without_a_shipped_expectation_is_red(one: Shipped) -> None:
    """One failure of the requirement at least is explained by this entry, and by no other."""
    records = (judge(one.found.adapter, cell) for cell in one.cells)
    record = next((record for record in records if one.entry.explains(record.signature)), None)
    assert record is not None
    others = one.entries[: one.position] + one.entries[one.position + 1 :]
    assert weigh(record, one.entries).verdict is Verdict.KNOWN, record.message
    assert weigh(record, others).verdict is Verdict.FAILED, record.message


def test_every_requirement_of_a_shipped_entry_is_planned_for_one_of_its_sparsifiers() -> None:
    seen = {(one.entry.id, one.requirement) for one in SHIPPED}
    assert seen
    for entry in {one.entry for one in SHIPPED}:
        assert [id for id in entry.requirements if (entry.id, id) not in seen] == []


def test_shipped_expectations_are_about_shipped_sparsifiers() -> None:
    here = [one for one in registrations() if one.distribution == "sparsecheck" and not one.lacking]
    names, files = {one.name for one in here}, {load(one).expectations for one in here}
    about = {
        name
        for file in files if file.exists()
        for entry in parse_expectations(file.read_text("utf-8"), str(file))
        for name in entry.sparsifiers
    }
    assert about
    assert about <= names
