"""Relations between programs: what is derived, what a second program's masks must be, and that both kinds fall."""

from collections.abc import Callable

import pytest
import torch
from msgspec.structs import replace

from sparsecheck import Adapter
from sparsecheck.adapter.declaring import read_declaration
from sparsecheck.adapter.shipped.exemplar import CONTRACT, ExemplarAdapter
from sparsecheck.catalogue import requirement
from sparsecheck.catalogue.axes import RELATIONS as TOKENS
from sparsecheck.oracle.units import unit_scores, units
from sparsecheck.process.guard import Guard
from sparsecheck.programs import build
from sparsecheck.programs.offer import PATTERNS, Offer, fits
from sparsecheck.programs.related import TracedWalk, assert_related, first_programs
from sparsecheck.programs.relations import RELATIONS
from sparsecheck.programs.targets import TARGETS
from sparsecheck.values.contract import Contract
from sparsecheck.values.pattern import Band, Given
from sparsecheck.values.program import Program, ProgramLayer, Removal
from sparsecheck.values.program_json import from_json, to_json
from sparsecheck.values.record import Verdict
from sparsecheck.values.steps import Attach, Train, Update, WriteWeights
from sparsecheck.values.violation import Violation
from tests.bench_of_one import judge, planned
from tests.miniatures.all import relations as broken
from tests.variants.masks import Drawing

CPU = torch.device("cpu")
TWO = Program(
    layers=(ProgramLayer(name="layer1", kind="linear", inputs=8, outputs=4),
            ProgramLayer(name="layer2", kind="linear", inputs=8, outputs=4)),
    plan=(Removal(name="layer1.weight", pattern="unstructured"), Removal(name="layer2.weight", pattern="unstructured")),
    values="untied", steps=(Attach(), Update(), WriteWeights(), Train(steps=1), Update(level=0.75)),
)


def whole_offer() -> Offer:
    """Return the offer of a sparsifier that takes every pattern wherever it is defined."""
    offer = Offer(read_declaration(ExemplarAdapter(), "exemplar"), {}, {})
    for name, target in TARGETS.items():
        offer.patterns[name] = tuple(one for one in PATTERNS if fits(offer, target, one))
    return offer


def related(name: str, adapter: Adapter, program: Program = TWO) -> bool:
    """Compare a program with the one that a relation derives from it."""
    declaration = read_declaration(adapter, "it")

    def run(one: Program) -> list[dict[str, object]]:
        guard = Guard(draws=True)
        with guard.watch():
            return TracedWalk(one, adapter, declaration, guard).traced()  # type: ignore[return-value]

    return assert_related(RELATIONS[name], program, run)  # type: ignore[arg-type]


def test_the_catalogue_names_every_relation() -> None:
    assert tuple(RELATIONS) == TOKENS


@pytest.mark.parametrize("name", RELATIONS)
def test_a_relation_changes_a_program_which_survives_json(name: str) -> None:
    first = RELATIONS[name].first(TWO)
    second = RELATIONS[name].derive(first)
    assert second is not None
    assert second != first
    assert RELATIONS[name].derive(first) == second
    assert from_json(to_json(second), "second.json") == second


@pytest.mark.parametrize("name", RELATIONS)
def test_the_exemplar_depends_on_nothing(name: str) -> None:
    assert related(name, ExemplarAdapter())


@pytest.mark.parametrize("name", ["unplanned", "renamed", "scaled", "negated", "frozen", "batches"])
def test_random_masks_of_one_stream_hold_what_moves_no_draw(name: str) -> None:
    assert related(name, Drawing())


@pytest.mark.parametrize("name", ["memory", "reordered", "permuted", "repeated", "split", "cast"])
def test_random_masks_of_one_stream_move_with_its_draws(name: str) -> None:
    with pytest.raises(Violation, match=RELATIONS[name].change) as caught:
        related(name, Drawing())
    assert caught.value.kind == f"differs-if-{name}"


@pytest.mark.parametrize(("name", "adapter"), [
    ("unplanned", broken.ScalesByTheWholeModel), ("renamed", broken.GoesByTheAlphabet),
    ("memory", broken.ScoresInMemoryOrder),
])
def test_what_no_score_can_break_is_broken(name: str, adapter: Callable[[], Adapter]) -> None:
    with pytest.raises(Violation) as caught:
        related(name, adapter())
    assert caught.value.kind == f"differs-if-{name}"


# ----------------------------------------------------------------- what is derived


def test_another_layer_changes_no_output() -> None:
    second = RELATIONS["unplanned"].derive(TWO)
    assert second is not None
    one, other = (build.build(program, "dense", CPU) for program in (TWO, second))
    inputs = build.inputs(TWO, "probe", 3, torch.float32, CPU)
    assert torch.equal(one(inputs), other(inputs))
    assert isinstance(other.get_submodule("spare"), torch.nn.Linear)


def test_renamed_layers_keep_their_values_and_given_masks() -> None:
    first = replace(TWO, plan=tuple(replace(one, pattern="given") for one in TWO.plan))
    second = RELATIONS["renamed"].derive(first)
    assert second is not None
    assert [one.name for one in second.plan] == ["whole.unit2.weight", "unit1.weight"]
    one, other = (dict(build.build(program, "dense", CPU).named_parameters()) for program in (first, second))
    assert torch.equal(one["layer1.weight"], other["whole.unit2.weight"])
    masks = [[one.mask.tolist() for one in build.plan(program).patterns.values() if isinstance(one, Given)]
             for program in (first, second)]
    assert masks[0] == masks[1]


@pytest.mark.parametrize(("name", "change"), [
    ("scaled", lambda one: 4 * one), ("negated", lambda one: -one), ("cast", lambda one: one),
    ("frozen", lambda one: one),
])
def test_values_of_the_first_layer_are_changed(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    second = RELATIONS[name].derive(TWO)
    assert second is not None
    one, other = (build.build(program, "dense", CPU) for program in (TWO, second))
    assert torch.equal(change(one.get_parameter("layer1.weight")), other.get_parameter("layer1.weight"))
    assert torch.equal(one.get_parameter("layer2.weight"), other.get_parameter("layer2.weight"))


def test_rows_of_the_last_layer_are_reversed() -> None:
    second = RELATIONS["permuted"].derive(TWO)
    assert second is not None
    one, other = (build.build(program, "dense", CPU).get_parameter("layer2.weight") for program in (TWO, second))
    assert torch.equal(one.flip(0), other)


@pytest.mark.parametrize("removal", [
    Removal(name="layer2.weight", pattern="given"), Removal(name="layer2.weight", pattern="band"),
    Removal(name="layer2.weight", pattern="block", block=(4, 1)),
])
def test_patterns_of_places_are_not_permuted(removal: Removal) -> None:
    assert RELATIONS["permuted"].derive(replace(TWO, plan=(removal,))) is None


def test_batches_are_reversed() -> None:
    second = RELATIONS["batches"].derive(TWO)
    assert second is not None
    one, other = (build.context(program, torch.float32, CPU).batches for program in (TWO, second))
    assert torch.equal(one[0][0], other[1][0])
    assert not torch.equal(one[0][0], other[0][0])


# ----------------------------------------------------------------- the programs to begin with


def test_first_programs_have_every_target_and_every_pattern() -> None:
    offer = whole_offer()
    programs = [*first_programs(offer)]
    planned = {(layer.kind, one.name.partition(".")[2]) for program in programs for one in program.plan
               if (layer := program.layer_of(one.name)) is not None}
    assert planned == {(one.kind, one.parameter) for one in TARGETS.values()}
    taken = {(one.pattern, one.dim > 0, one.keep) for program in programs for one in program.plan}
    assert len(taken) == len(PATTERNS)
    assert [program.scope for program in programs].count("all") == 1
    assert len(programs) <= 16


@pytest.mark.parametrize("score", ["magnitude-l1", "magnitude-l2"])
def test_first_programs_have_no_ties(score: str) -> None:
    contract: Contract = replace(CONTRACT, score=score)
    for program in first_programs(whole_offer()):
        model, patterns = build.build(program, "dense", CPU), build.plan(program).patterns
        for name, pattern in patterns.items():
            weight = model.get_parameter(name).detach().double().numpy()
            if not isinstance(pattern, Given | Band):
                scores = unit_scores(weight, units(pattern, weight.shape, contract), contract)
                assert len({*scores.tolist()}) == scores.size, f"{pattern} on {name}"


# ----------------------------------------------------------------- the cells


def cells(adapter: Adapter, id: str) -> list[str]:
    return [one.cell.layer for one in planned(adapter, [requirement(id)])]


def test_cells_are_planned_for_what_is_promised() -> None:
    assert cells(ExemplarAdapter(), "WALK-03") == ["unplanned", "renamed", "memory"]
    assert cells(Drawing(), "WALK-03") == ["unplanned"]
    assert cells(ExemplarAdapter(), "DECLARE-20") == []
    assert cells(broken.DrawsInPlanOrder(), "DECLARE-20") == ["reordered"]


class _GivenAlone(ExemplarAdapter):
    """Has given masks alone, and declares that they move with the rows."""

    supported = "linear given float32 cpu per_parameter deepcopy"
    unsupported = " ".join(name for name in ExemplarAdapter.supported.split()
                           if name not in ("linear", "given", "float32", "cpu", "per_parameter", "deepcopy"))
    contract = replace(CONTRACT, score="given", invariances="permuted")


def test_an_invariance_of_which_nothing_can_show_anything_is_not_declared() -> None:
    adapter = _GivenAlone()
    [cell] = planned(adapter, [requirement("DECLARE-20")])
    record = judge(adapter, cell)
    assert record.verdict is Verdict.FAILED
    assert record.signature.startswith("invariance-misfits: ")
