"""`sparsecheck explore NAME --against OTHER` finds where two sparsifiers of equal contract disagree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.cli import main
from sparsecheck.features.explore.against import MASKS, OUTPUTS, REFUSALS, WEIGHTS, compared
from sparsecheck.features.explore.agreement import agreement, common_offer, comparable
from sparsecheck.features.explore.messages import NOT_OFFERED, Outcome
from sparsecheck.programs.observed import Look, Numbers
from sparsecheck.programs.offer import Offer
from sparsecheck.values.declaration import Declaration
from sparsecheck.values.program import Program, ProgramLayer, Removal
from sparsecheck.values.program_json import from_json
from sparsecheck.values.skeleton import Skeleton, Slot
from sparsecheck.values.steps import Attach, Cast, Forward, SaveAndRestore, Train, Update

from .test_explore import finds
from .test_explore_related import DENSE, opaque

PROGRAM = Program(
    layers=(ProgramLayer(name="layer1", kind="linear", inputs=2, outputs=2),),
    plan=(Removal(name="layer1.weight", pattern="unstructured"),), steps=(Attach(), Update(), Train(), Update()),
)


def declaration(name: str, **clauses: Any) -> Declaration:
    made = ExemplarAdapter().declare(name)
    return replace(made, contract=replace(made.contract, **clauses))


def pair(**clauses: Any) -> Any:
    return agreement(declaration("one"), declaration("other", **clauses))


def numbers(*values: float) -> Numbers:
    return Numbers((len(values),), np.array(values, np.float64).tobytes())


def look(mask: tuple[float, ...] = (1, 0), weight: tuple[float, ...] = (3, 0), output: float = 2.0) -> Look:
    return Look(False, {"layer1.weight": numbers(*mask)}, {"layer1.weight": numbers(*weight)}, numbers(output))


FIRST = Look(False, {}, {}, numbers(1.0))


# ------------------------------------------------------------------ what is found


def run(folder: Path, *arguments: object) -> Result:
    files = [f"--adapter={one}" for one in sorted(folder.glob("*.py"))]
    return CliRunner().invoke(main, ["explore", *files, *map(str, arguments)])


def with_score(folder: Path, name: str, score: str) -> None:
    """Write an adapter with an opaque score, so that nothing but a comparison can judge it."""
    opaque(folder, score).rename(folder / f"{name}.py")


def test_wrong_rank_behind_an_opaque_score_is_found_by_comparison_alone(tmp_path: Path) -> None:
    with_score(tmp_path, "right", "0")
    with_score(tmp_path, "wrong", f"({DENSE}.shape[0] == 2) * -{DENSE}.clamp(max=0)")  # of two rows, by sign
    alone = run(tmp_path, "wrong", "--programs", 20)
    assert alone.exit_code == 0, alone.output
    ended = run(tmp_path, "right", "--against", "wrong", "--programs", 40, "--save", tmp_path / "finds")
    assert ended.exit_code == 1, ended.output
    assert all(one.startswith("masks-disagree at update") for one in finds(ended))
    assert "removed by right, kept by wrong" in ended.stdout or "kept by right, removed by wrong" in ended.stdout
    assert "right against wrong" in ended.stdout
    assert "--against wrong" in ended.stdout
    saved = next((tmp_path / "finds").iterdir())
    assert len(from_json(saved.read_bytes(), "saved").steps) == 2
    assert run(tmp_path, "right", "--against", "wrong", "--program", saved).exit_code == 1


@pytest.mark.parametrize(("other", "words"), [
    ("exemplar", "cannot disagree with itself"), ("exemplar-structural", "has the profile structural"),
    ("exemplr", "exemplar"),
])
def test_bad_usage_ends_with_2(other: str, words: str) -> None:
    ended = CliRunner().invoke(main, ["explore", "exemplar", "--against", other, "--programs", "1"])
    assert ended.exit_code == 2
    assert words in ended.stderr


# ------------------------------------------------------------------ what is compared


@pytest.mark.parametrize(("second", "kind"), [
    (look(), ""), (look(mask=(0, 1)), MASKS), (look(weight=(2, 0)), WEIGHTS), (look(output=2.1), OUTPUTS),
    (look(output=2.0 + 1e-7), ""), (look(weight=(3, 0, 0)), WEIGHTS),
])
def test_first_difference_is_named_with_both_values(second: Look, kind: str) -> None:
    found = compared(PROGRAM, Outcome(looks=(FIRST, look())), Outcome(looks=(FIRST, second)), pair())
    assert found.kind == kind
    assert found.step == 2 or not kind
    assert ("one" in found.message and "other" in found.message) or not kind


@pytest.mark.parametrize(("clauses", "kind"), [
    ({"score": "position"}, ""), ({"rounding": "floor"}, ""), ({"level_basis": "remaining"}, MASKS),
    ({"holds": "in place"}, MASKS), ({"invariances": "negated"}, MASKS), ({"alone": "dense"}, MASKS),
])
def test_what_another_clause_decides_is_not_compared(clauses: dict[str, str], kind: str) -> None:
    one, other = Outcome(looks=(FIRST, look())), Outcome(looks=(FIRST, look(mask=(0, 1))))
    assert compared(PROGRAM, one, other, pair(**clauses)).kind == kind


def test_later_updates_are_not_compared_if_levels_count_otherwise() -> None:
    looks = (FIRST, look(), look())
    one, other = Outcome(looks=(*looks, look())), Outcome(looks=(*looks, look(mask=(0, 1))))
    assert compared(PROGRAM, one, other, pair()).kind == MASKS
    agreed = pair(level_basis="remaining")
    assert compared(PROGRAM, one, other, agreed).kind == ""
    [line] = agreed.lines()
    assert line == "level_basis is 'dense' and 'remaining': nothing is compared from the second update on"


def test_refusal_by_one_alone_is_a_disagreement() -> None:
    refuses = Outcome(NOT_OFFERED, "layer1 is too small", 2, (FIRST,))
    found = compared(PROGRAM, Outcome(looks=(FIRST, look(), look(), look())), refuses, pair())
    assert found.kind == REFUSALS
    assert found.message == "step 2, update: one goes on; other refuses: layer1 is too small"
    assert compared(PROGRAM, refuses, refuses, pair()).kind == NOT_OFFERED
    crashed = Outcome("crashed", "step 2, update: it broke", 2, (FIRST,))
    assert compared(PROGRAM, crashed, crashed, pair()).kind == ""
    ends = compared(PROGRAM, crashed, Outcome(looks=(FIRST, look())), pair())
    assert "one fails as crashed: it broke" in ends.message


def test_step_that_one_skips_ends_the_comparison() -> None:
    skips = replace(look(mask=(0, 1)), skipped=True)
    assert compared(PROGRAM, Outcome(looks=(FIRST, look())), Outcome(looks=(FIRST, skips)), pair()).kind == ""


# ------------------------------------------------------------------ the programs


def offer(*patterns: str, **clauses: Any) -> Offer:
    return Offer(declaration("one", **clauses), {"linear": patterns}, {})


def test_programs_plan_what_both_take() -> None:
    one, other = offer("unstructured", "channel", sizes="multiples of 16"), offer("unstructured", ragged="keep")
    common = common_offer(one, other)
    assert common.patterns == {"linear": ("unstructured",)}
    assert common.declaration.contract.multiple == 16
    assert common_offer(offer("channel"), offer("unstructured")).patterns == {}


def test_programs_have_no_ties_and_end_where_the_two_need_not_agree() -> None:
    steps = (Attach(), Update(), Train(), Cast(), SaveAndRestore(), Forward(), Update(level=0.7), Forward())
    skeleton = Skeleton(slots=(Slot(size="large"),), values="few", dtype=2, steps=steps)
    program = comparable(skeleton, offer("unstructured"), pair())
    assert (program.values, program.dtype) == ("distinct", "float32")
    assert program.steps == (Attach(), Update(), Train(), SaveAndRestore(), Forward(), Update(level=0.7), Forward())
    agreed = pair(regrowth="monotone", trained="reparametrized", mask_storage="nowhere")
    assert comparable(skeleton, offer("unstructured"), agreed).steps == (Attach(), Update(), Forward())
    assert comparable(skeleton, offer("unstructured"), pair(score="random")).steps == (Attach(), Update())
    summed = comparable(skeleton, offer("channel"), pair())
    assert summed.values == "untied"
    assert max(summed.shapes["layer1.weight"]) < 100
