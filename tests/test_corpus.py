"""The corpus covers every pair that can occur, and every sparsifier is judged by it in the same way."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from msgspec.structs import replace
from torch import nn

from sparsecheck.adapter.declaring import read_declaration
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.catalogue import requirement
from sparsecheck.catalogue.axes import PARAMETERS, PROGRAMS, STRUCTURAL_PROGRAMS, layer_capabilities
from sparsecheck.programs.axes import CONSTRAINTS, MASK
from sparsecheck.programs.corpus import corpus, read, structural_corpus
from sparsecheck.programs.coverage import coverage, every_pair, excluded_by
from sparsecheck.programs.fill import fill
from sparsecheck.programs.offer import PATTERNS, Offer, fits
from sparsecheck.programs.offered import new_pairs
from sparsecheck.programs.ranking import assert_masks_follow_plan
from sparsecheck.programs.space import STEP, THEN
from sparsecheck.programs.structural.axes import STRUCTURAL
from sparsecheck.programs.targets import TARGETS
from sparsecheck.programs.twin import Twin
from sparsecheck.show.summary import program_lines
from sparsecheck.values.pattern import Channel
from sparsecheck.values.plan import Plan
from sparsecheck.values.program import InvalidProgram
from sparsecheck.values.record import Record, Verdict
from sparsecheck.values.skeleton import Skeleton
from sparsecheck.values.steps import Train
from sparsecheck.values.violation import Violation
from tests.bench_of_one import judge, planned
from tools.corpus.__main__ import PARTS, main

SPACES = {"mask": MASK, "structural": STRUCTURAL}
EVERY_SPACE = pytest.mark.parametrize("profile", SPACES)


def skeletons(profile: str) -> dict[str, Any]:
    """Return the corpus of a profile."""
    return {**corpus()} if profile == "mask" else {**structural_corpus()}


@EVERY_SPACE
def test_the_corpus_covers_every_pair_that_can_occur(profile: str) -> None:
    assert not coverage(skeletons(profile).values(), SPACES[profile]).missing


@EVERY_SPACE
def test_every_value_and_every_kind_of_step_can_occur(profile: str) -> None:
    space = SPACES[profile]
    possible = coverage((), space).possible
    assert {at for pair in possible for at in pair} >= {(axis, one) for axis, all in space.axes.items() for one in all}
    assert {pair.other[1] for pair in possible if pair.other[0] == THEN} == set(space.steps)
    assert not {STEP, THEN} & set(space.axes)


@EVERY_SPACE
def test_every_constraint_excludes_something_and_is_explained(profile: str) -> None:
    space = SPACES[profile]
    excluded = {excluded_by(pair, space) for pair in every_pair(space)} - {""}
    assert excluded == set(space.constraints) == set(space.why)


@EVERY_SPACE
def test_every_option_of_a_step_is_of_its_kind(profile: str) -> None:
    space = SPACES[profile]
    assert [(kind, space.kind_of(step)) for kind, steps in space.steps.items() for step in steps
            if space.kind_of(step) != kind] == []


@EVERY_SPACE
def test_every_program_has_a_legal_order(profile: str) -> None:
    space = SPACES[profile]
    for name, skeleton in skeletons(profile).items():
        kinds = [space.kind_of(step) for step in skeleton.steps]
        place = kinds.index("attach")
        assert set(kinds[:place]) <= set(space.before_attach), name
        assert "attach" not in kinds[place + 1:], name
        assert not set(kinds[:-1]) & set(space.last), name
        first = next((number for number, kind in enumerate(kinds) if kind in space.updates), len(kinds))
        assert not set(kinds[:first]) & set(space.after_update), name


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.profile)
def test_the_covering_array_is_what_the_generator_makes(part: Any) -> None:
    """The whole of it is compared by `python -m tools.corpus check`."""
    stored = [*part.read().values()][:2]
    assert [*islice(part.covering().programs(), 2)] == stored


def test_the_catalogue_names_every_program_and_every_kind_of_parameter() -> None:
    assert tuple(corpus()) == PROGRAMS
    assert tuple(structural_corpus()) == STRUCTURAL_PROGRAMS
    assert {name: target.capability for name, target in TARGETS.items()} == {
        name: "".join(needs) for name, needs in PARAMETERS.items()
    }
    assert layer_capabilities("walk-001") == ()


def test_a_line_that_is_no_skeleton_is_named(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_bytes(b'{"slots":[],"steps":[]}\n{"slots":1}\n')
    with pytest.raises(InvalidProgram, match=r"^own\.jsonl, line 2 is no skeleton: "):
        read(file, Skeleton)


def test_the_command_prints_coverage_and_programs() -> None:
    printed = CliRunner().invoke(main, ["print"]).output
    assert printed.count("covered (100 %)") == len(SPACES)
    assert all(f"excluded by {name}: " in printed for name in (*CONSTRAINTS, *STRUCTURAL.constraints))
    assert "layer 1: " in CliRunner().invoke(main, ["print", "walk-001"]).output
    assert "block 1: " in CliRunner().invoke(main, ["print", "channels-001"]).output
    assert CliRunner().invoke(main, ["print", "walk-999"]).exit_code == 2


# ------------------------------------------------------------- one sparsifier


def offer(*patterns: str) -> Offer:
    """Return what the exemplar offers, without trying it out: every target, with some patterns."""
    made = Offer(read_declaration(ExemplarAdapter(), "exemplar"), {}, {})
    for name, target in TARGETS.items():
        if taken := tuple(one for one in PATTERNS if one in patterns and fits(made, target, one)):
            made.patterns[name] = taken
    return made


@pytest.mark.parametrize("patterns", [PATTERNS, ("unstructured",), ("channel",), ("given", "n_of_m")])
def test_what_is_offered_is_covered(patterns: tuple[str, ...]) -> None:
    added, possible = new_pairs(corpus(), offer(*patterns))
    assert [*added] == [*corpus()]
    assert 0.97 * possible <= sum(added.values()) <= possible


def test_the_summary_shows_the_coverage_of_the_programs_that_passed() -> None:
    records = (
        Record("it:WALK-01/walk-001/offered/offered/cpu", Verdict.PASSED, covers=1200, coverable=3000),
        Record("it:WALK-01/walk-002/offered/offered/cpu", Verdict.FAILED, "kind", "message"),
        Record("it:WALK-01/walk-003/offered/offered/cpu", Verdict.PASSED, covers=300, coverable=3000),
    )
    [line] = program_lines(records)
    assert line == "  programs: 2 programs passed, which cover 1,500 of 3,000 pairs of what is offered"


def test_programs_are_judged_alike_in_any_order() -> None:
    cells = planned(ExemplarAdapter(), [requirement("WALK-01")])[:6]
    orders = [{one.cell.id: judge(adapter, one) for one in order}
              for adapter, order in ((ExemplarAdapter(), cells), (ExemplarAdapter(), cells[::-1]))]
    assert orders[0] == orders[1]
    assert {record.verdict for record in orders[0].values()} == {Verdict.PASSED}


def test_a_program_that_the_dense_model_cannot_end_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(self: Twin, *_: object) -> None:
        raise RuntimeError("not implemented for 'BFloat16'")

    monkeypatch.setattr(Twin, "train", lacking)
    cells = planned(ExemplarAdapter(), [requirement("WALK-01")])
    one = next(one for one in cells if any(isinstance(step, Train) for step in corpus()[one.cell.layer].steps))
    record = judge(ExemplarAdapter(), one)
    assert record.verdict is Verdict.ERROR
    assert re.match(r"step \d+, train.*: the dense model itself raises RuntimeError: not implemented", record.message)
    assert record.message.endswith("this is no failure of the sparsifier, but of the program on this torch")


# ------------------------------------------------------------- what a filled program and the model of it promise


def test_no_filled_band_is_wider_than_its_weight() -> None:
    bands = offer("band")
    for skeleton in corpus().values():
        program = fill(skeleton, bands)
        for one in program.plan:
            if one.pattern == "band":
                assert min(program.shapes[one.name]) > one.width // 2


@pytest.mark.parametrize(("weights", "is_red"), [((2e-39, 1e-39), False), ((2.0, 1.0), True)])
def test_units_whose_squares_underflow_are_tied(weights: tuple[float, float], is_red: bool) -> None:
    contract = replace(read_declaration(ExemplarAdapter(), "exemplar").contract, score="magnitude-l2", ties="any")
    dense = {"weight": np.repeat(np.array(weights), 4).reshape(2, 4)}
    masks = {"weight": np.repeat(np.array([False, True]), 4).reshape(2, 4)}  # removes the row that scores higher
    with pytest.raises(Violation, match="kept-differs") if is_red else nullcontext():
        assert_masks_follow_plan(Plan({"weight": Channel(0.5, 0)}), masks, None, dense, contract, "float32")


def test_large_layers_stand_in_the_first_place_alone() -> None:
    assert not [name for name, one in corpus().items() if any(slot.size == "large" for slot in one.slots[1:])]


def test_versions_of_the_twin_change_with_its_values_and_modes() -> None:
    twin = Twin(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), ("0.weight",))
    seen = [twin.versions()]
    changes: tuple[Callable[[], object], ...] = (
        lambda: twin.write("0.weight", torch.ones(2, 2)),
        lambda: twin.set_masks({"0.weight": np.eye(2, dtype=bool)}),
        lambda: twin.train([(torch.ones(3, 2), torch.ones(3, 2))], "sgd"),
        lambda: twin.model(torch.ones(3, 2)),  # a norm in train mode counts the batch
        lambda: twin.model.eval(),
    )
    for change in changes:
        change()
        seen.append(twin.versions())
    assert len(set(seen)) == len(seen)
    twin.model(torch.ones(3, 2))
    assert twin.versions() == seen[-1]
