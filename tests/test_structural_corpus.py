"""The structural corpus covers what is offered, the exemplar takes nearly every step, and one defect hides no other."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from torch import nn

from sparsecheck import Adapter, Context, Plan, Sparsified
from sparsecheck.adapter.declaring import read_declaration
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover, StructuralExemplarAdapter
from sparsecheck.catalogue import requirement
from sparsecheck.catalogue.axes import NEIGHBOURS
from sparsecheck.programs.corpus import structural_corpus
from sparsecheck.programs.structural.fill import fill, kind_of
from sparsecheck.programs.structural.offer import FORMS, OF_IMAGES, StructuralOffer
from sparsecheck.programs.structural.offered import new_pairs
from sparsecheck.programs.structural.probing import probed
from sparsecheck.values.record import Record, Verdict
from sparsecheck.values.structural_program import WINDOWS, StructuralProgram
from tests.bench_of_one import judge, planned
from tests.test_structural_programs import OFFER, altered, walk

LINEAR = OFFER.patterns["linear"]
IMAGE = OFFER.patterns["conv2d"]
CONVOLUTION = tuple(form for form in IMAGE if form != "flatten")
WINDOW = tuple(form for form in CONVOLUTION if form not in OF_IMAGES)

MOST_SKIPPED = 0.05
"""The share of its steps that the corpus may skip on the exemplar, such as an update that would leave no channel."""


def records(adapter: Adapter, id: str, most: int = 1000) -> dict[str, Record]:
    """Return the records of the first cells of a requirement, by their value on the layer axis."""
    return {one.cell.layer: judge(adapter, one) for one in planned(adapter, [requirement(id)])[:most]}


@pytest.mark.parametrize("patterns", [
    OFFER.patterns, {"linear": LINEAR}, {"conv2d": CONVOLUTION}, {"conv1d": WINDOW, "conv2d": CONVOLUTION},
    {"linear": LINEAR, "conv2d": IMAGE},
], ids="-".join)
def test_what_is_offered_is_covered(patterns: dict[str, tuple[str, ...]]) -> None:
    added, possible = new_pairs(structural_corpus(), StructuralOffer(OFFER.declaration, patterns))
    assert [*added] == [*structural_corpus()]
    assert 0.99 * possible <= sum(added.values()) <= possible


def test_kinds_of_layers_are_numbered_as_the_constraints_of_the_axes_say() -> None:
    [skeleton, *_] = structural_corpus().values()
    for kinds in (("linear", "conv1d", "conv2d"), ("linear", "conv2d"), ("conv1d", "conv2d"), ("linear",)):
        offer = StructuralOffer(OFFER.declaration, dict.fromkeys(kinds, FORMS))
        filled = [kind_of(replace(skeleton, kind=number), offer) for number in range(3)]
        assert {*filled} == {*kinds}
        assert all(WINDOWS[kind] for kind in filled[1:] if kinds != ("linear",))


def test_the_exemplar_takes_nearly_every_step() -> None:
    programs = [fill(skeleton, OFFER) for skeleton in structural_corpus().values()]
    skipped = [reason for program in programs for reason in walk(program).skipped]
    assert len(skipped) <= MOST_SKIPPED * sum(len(program.steps) for program in programs), skipped


def test_every_neighbour_of_the_catalogue_can_be_tried() -> None:
    assert {*NEIGHBOURS} == {f"{kind}-{form}" for kind, forms in OFFER.patterns.items() for form in forms}


def test_neighbours_that_fail_are_red_and_those_that_are_refused_are_not() -> None:
    class RefusesDepthwise(StructuralExemplarAdapter):
        def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
            if any(getattr(module, "groups", 1) > 1 for module in model.modules()):
                raise ValueError("grouped convolutions are not supported")
            return super().attach(model, plan, context)

    class ScalesNorms(ChannelRemover):
        def update(self, level: float | None = None) -> None:
            super().update(level)
            for module in self.model.modules():
                if isinstance(module, nn.BatchNorm1d):
                    module.weight.data *= 2

    assert {one.verdict for one in records(RefusesDepthwise(), "WALK-05").values()} == {Verdict.PASSED}
    red = {name: one.signature.partition(":")[0] for name, one in records(altered(ScalesNorms), "WALK-05").items()
           if one.verdict.is_red}
    assert red == dict.fromkeys(("conv1d-norm", "linear-norm"), "entry-differs")


def test_one_defect_of_every_layer_hides_no_other() -> None:
    class Evaluates(ChannelRemover):
        def update(self, level: float | None = None) -> None:
            super().update(level)
            self.model.eval()

    adapter = altered(Evaluates)

    def run(program: StructuralProgram) -> None:
        walk(program, adapter)

    declaration = read_declaration(adapter, "it")
    assert not probed(declaration, run).patterns
    assert probed(declaration, run, keeps_broken=True).patterns == OFFER.patterns


def test_programs_are_judged_alike_in_any_order() -> None:
    cells = planned(StructuralExemplarAdapter(), [requirement("WALK-04")])[:5]
    orders = [{one.cell.id: judge(adapter, one) for one in order}
              for adapter, order in ((StructuralExemplarAdapter(), cells), (StructuralExemplarAdapter(), cells[::-1]))]
    assert orders[0] == orders[1]
    assert {record.verdict for record in orders[0].values()} == {Verdict.PASSED}


def test_a_sparsifier_that_refuses_everything_offers_nothing() -> None:
    class Refuses(StructuralExemplarAdapter):
        def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
            raise ValueError(f"{plan.names[0]} is not supported")

    [record] = records(Refuses(), "WALK-04", 1).values()
    assert record.signature.startswith("nothing-offered")
