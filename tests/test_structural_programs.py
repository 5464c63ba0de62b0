"""Programs of the structural profile: JSON, the twin, correct and broken sparsifiers, and scripts."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import suppress
from random import Random

import pytest
import torch
from msgspec.structs import replace
from torch import nn

from sparsecheck import Adapter, Context, Plan, Saved, Sparsified
from sparsecheck.adapter.declaring import read_declaration
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover, StructuralExemplarAdapter
from sparsecheck.features.explore.domain import DOMAINS
from sparsecheck.features.explore.search import draw
from sparsecheck.oracle import channels
from sparsecheck.oracle.compare import array, assert_close
from sparsecheck.oracle.tolerance import tolerance
from sparsecheck.process.guard import Guard
from sparsecheck.programs.structural import network
from sparsecheck.programs.structural.fill import fill
from sparsecheck.programs.structural.offer import FORMS, OF_CONVOLUTIONS, OF_FEATURES, OF_IMAGES, StructuralOffer
from sparsecheck.programs.structural.render import render
from sparsecheck.programs.structural.skeleton import Block, Form, StructuralSkeleton
from sparsecheck.programs.structural.twin import SlicedTwin, coupled
from sparsecheck.programs.structural.walk import StructuralWalk
from sparsecheck.trials.pruned_model import read_tensors
from sparsecheck.values.contract import Contract
from sparsecheck.values.program import InvalidProgram, Program
from sparsecheck.values.program_json import from_json, to_json
from sparsecheck.values.steps import (
    Attach,
    Backward,
    CallLayer,
    Cast,
    CopyModel,
    Finalize,
    Forward,
    Freeze,
    FunctionalCall,
    SaveAndRestore,
    SetMode,
    Step,
    Train,
    Update,
    WriteWeights,
)
from sparsecheck.values.structural_program import StructuralProgram
from sparsecheck.values.violation import Violation
from tests.miniatures import Miniature
from tests.miniatures.all import MINIATURES
from tests.variants.all import VARIANTS

CPU = torch.device("cpu")
DOMAIN = DOMAINS["structural"]
OFFER = StructuralOffer(
    read_declaration(StructuralExemplarAdapter(), "exemplar-structural"),
    {
        "linear": tuple(form for form in FORMS if form not in OF_CONVOLUTIONS),
        "conv1d": tuple(form for form in FORMS if form not in (*OF_FEATURES, *OF_IMAGES)),
        "conv2d": tuple(form for form in FORMS if form not in OF_FEATURES),
    },
)
"""What the exemplar takes."""
TWO = (Attach(), Update())
LIFE = fill(
    StructuralSkeleton(
        blocks=(Block(norm=True, relu=True), Block(form="skip", norm=True), Block(form="concat", level=0.3)),
        kind=2, flat=2, window=True, names="prefixes", optimizer="adamw",
        steps=(
            Attach(), Update(), Forward(batch=0), Backward(forwards=2), Train(), SetMode(), Update(level=0.75),
            WriteWeights(how="assign"), CopyModel(), CopyModel(what="sparsified"), CallLayer(), FunctionalCall(),
            Cast(dtype="float64"), SaveAndRestore(), Update(level=0.8), Freeze(), SetMode(train=True), Train(),
            Finalize(train=2),
        ),
    ),
    OFFER,
)


def walk(program: StructuralProgram, adapter: Adapter | None = None) -> StructuralWalk:
    adapter = adapter or StructuralExemplarAdapter()
    guard = Guard()
    made = StructuralWalk(program, adapter, read_declaration(adapter, "it"), guard)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with guard.watch():
            made.run()
    return made


def altered(body: type[ChannelRemover]) -> Adapter:
    """Return the exemplar's adapter with another sparsifier."""
    made: Adapter = type("Altered", (StructuralExemplarAdapter,), {"sparsified": body})()
    return made


def drawn(count: int, offer: StructuralOffer = OFFER, seed: int = 0) -> Iterator[StructuralProgram]:
    """Yield the first programs of a search."""
    yield from (fill(one, offer) for one in draw(offer, seed, 0, count))


def first_violation(adapter: Adapter, most: int) -> str:
    """Return the kind of the first violation that probing or one of the first programs finds, if one does."""
    kinds: list[str] = []

    def run(program: StructuralProgram) -> None:
        try:
            walk(program, adapter)
        except Violation as violation:
            kinds.append(violation.kind)
            raise

    offer = DOMAIN.probed(read_declaration(adapter, "it"), run)
    assert isinstance(offer, StructuralOffer)
    for program in drawn(most, offer) if offer.patterns and not kinds else ():
        with suppress(Violation):
            run(program)
        if kinds:
            break
    return kinds[0] if kinds else ""


# ------------------------------------------------------------------ JSON


def test_program_survives_json() -> None:
    text = to_json(LIFE)
    assert b'"profile": "structural"' in text
    assert from_json(text, "life.json") == LIFE


def test_json_of_the_mask_profile_is_read_as_such() -> None:
    text = b'{"format": 1, "layers": [], "plan": [], "steps": []}'
    assert isinstance(from_json(text, "program.json"), Program)


@pytest.mark.parametrize("text", [b"{}", b'{"profile": "structural"}', b'{"profile": "structural", "format": 2}',
                                  b"\xff"])
def test_other_json_is_rejected_in_one_sentence(text: bytes) -> None:
    with pytest.raises(InvalidProgram, match=r"^life\.json is no program: "):
        from_json(text, "life.json")


# ------------------------------------------------------------------ the twin


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["linear", "conv1d", "conv2d"])
@pytest.mark.parametrize("form", ["plain", "skip", "fanout", "concat", "depthwise"])
@pytest.mark.parametrize("flat", [0, 1])
def test_twin_computes_what_the_dense_model_does_with_zeroed_channels(kind: int, form: Form, flat: int) -> None:
    blocks = (Block(form=form, norm=True, relu=True), Block(norm=True, relu=True))
    program = replace(fill(StructuralSkeleton(blocks=blocks, kind=kind, flat=flat, window=True, steps=TWO), OFFER),
                      dtype="float64")
    dense, model = network.network(program), network.build(program, "dense", CPU).eval()
    tensors, twin = read_tensors(model), SlicedTwin(model, dense)
    groups = sorted({int(one) for name in ("layer1", "layer2") for one in twin.groups[name]})
    for gone in (Random(kind).sample(groups, 3), Random(flat).sample(groups, 4)):  # one removal after another
        if any(not twin.outputs_of(name, {*gone, *twin.gone}).any() for name in ("layer1", "layer2")):
            continue
        twin.remove(gone)
        inputs = network.inputs(program, "probe", 3, torch.float64, CPU)
        expected = channels.output_with_zeroed_channels(dense, tensors, twin.gone, array(inputs))
        assert_close(twin.model(inputs), expected, tolerance("cpu", "float64"), "output-differs", "output of the twin")


def test_channels_of_two_layers_are_coupled() -> None:
    coupling: dict[Form, bool] = {"plain": False, "fanout": False, "concat": False, "skip": True, "depthwise": True}
    for form, is_coupled in coupling.items():
        program = fill(StructuralSkeleton(blocks=(Block(form=form),), kind=2, steps=TWO), OFFER)
        found = coupled(network.network(program), channels.channel_groups(network.network(program)))
        assert bool(found) == is_coupled, form


# ------------------------------------------------------------------ correct sparsifiers


def test_exemplar_lives_a_long_life() -> None:
    made = walk(LIFE)
    assert made.finished
    assert not made.skipped
    assert made.adopted == {"the choice among the output channels of layer10.weight"}


@pytest.mark.parametrize("name", [name for name in VARIANTS if name.startswith("structural")])
def test_correct_variants_pass(name: str) -> None:
    assert first_violation(VARIANTS[name](), 6) == ""


class LayerByLayer(ChannelRemover):
    """Removes the channels of one planned layer before it ranks those of the next."""

    def update(self, level: float | None = None) -> None:
        plan = self.plan if level is None else self.plan.at_level(level)
        for name in plan.names:
            self.remove(self.chosen(plan, (name,)))


def test_layers_may_be_ranked_one_after_another() -> None:
    blocks = (Block(size="two"), Block(size="wide"), Block(size="wide"))
    for kind in range(3):
        life = (*TWO, WriteWeights(), Update(level=0.6))
        program = fill(StructuralSkeleton(blocks=blocks, kind=kind, steps=life), OFFER)
        assert not walk(program, altered(LayerByLayer)).adopted


def test_update_that_would_leave_no_channel_is_not_taken() -> None:
    program = fill(StructuralSkeleton(blocks=(Block(size="two"),), steps=(*TWO, Update(level=0.99))), OFFER)
    made = walk(program)
    assert made.skipped == ["update level=0.99: it would leave no channel of layer1.weight"]
    assert made.updates == 1


def test_channels_without_inputs_are_counted_and_not_told_apart() -> None:
    sizes = {"layer1": (4, 8), "layer1_b": (8, 8), "layer10": (8, 24), "layer100": (24, 2), "head": (2, 3)}
    layers = [{"name": name, "kind": "conv1d", "inputs": ins, "outputs": outs} for name, (ins, outs) in sizes.items()]
    layers.insert(2, {"name": "layer1_sum", "kind": "add", "takes": ["layer1_b", "layer1"]})
    names = ("layer1.weight", "layer10.weight", "layer100.weight")
    planned = [{"name": name, "pattern": "channel", "level": 0.9} for name in names]
    data = {
        "format": 1, "profile": "structural", "input_shape": [4, 4], "dtype": "float16", "scope": "all",
        "values": "distinct", "layers": layers, "plan": planned, "steps": [{"do": "attach"}, {"do": "update"}],
    }
    program = from_json(json.dumps(data).encode(), "a test")
    assert isinstance(program, StructuralProgram)
    made = walk(program)
    assert made.skipped == ["all after an update that leaves no channel of layer1.weight"]


# ------------------------------------------------------------------ broken sparsifiers

FOUND = {
    "STRUCT-01-RoundsDown": "count-differs",
    "STRUCT-01-RemovesOneMore": "count-differs",
    "STRUCT-02-ForgetsTheSecondTaker": "channels-differ",
    "STRUCT-02-CountsFromTheWrongEndOfAConcatenation": "entry-differs",
    "STRUCT-02-TakesFlatFeaturesInTurn": "entry-differs",
    "STRUCT-02-ForgetsTheSkip": "channels-differ",
    "STRUCT-03-KeepsTheFirstBiases": "entry-differs",
    "STRUCT-03-KeepsTheFirstStatistics": "buffer-differs",
    "STRUCT-03-MovesTheStatistics": "buffer-differs",
    "STRUCT-04-ScalesItsOutput": "output-differs",
    "STRUCT-05-RanksBySum": "kept-differs",
    "STRUCT-06-KeepsTheDenseWeights": "cost-differs",
    "STRUCT-07-RemovesAtAttach": "channels-differ",
    "STRUCT-11-StaysInEvalMode": "flag-changed",
    "STRUCT-12-Unfreezes": "flag-changed",
}
"""By miniature, the kind of the first violation that probing or one of twelve programs finds."""


@pytest.mark.parametrize("miniature", [one for one in MINIATURES if one.name in FOUND], ids=lambda one: one.name)
def test_broken_sparsifiers_are_found(miniature: Miniature) -> None:
    assert first_violation(miniature.adapter(), 12) == FOUND[miniature.name]


class Forgets(ChannelRemover):
    """Restores the model, but not which channels are gone."""

    def load(self, saved: Saved) -> None:
        super().load(saved)
        self.gone = []


class SavesLess(ChannelRemover):
    """Saves only the channels that it removed itself."""

    is_restored = False

    def load(self, saved: Saved) -> None:
        super().load(saved)
        self.is_restored = True

    def sidecar(self) -> dict[str, torch.Tensor]:
        return {"gone": torch.zeros(0, dtype=torch.long)} if self.is_restored else super().sidecar()


class Reorders(ChannelRemover):
    """Sorts the channels that remain by score at a further update."""

    def cut(self, module: nn.Module, outputs: torch.Tensor, inputs: torch.Tensor) -> None:
        is_late = self.updates > 1 and module is self.model.get_submodule("layer1")
        super().cut(module, outputs.flip(0) if is_late else outputs, inputs)

    updates = 0

    def update(self, level: float | None = None) -> None:
        self.updates += 1
        super().update(level)


class TiesUp(ChannelRemover):
    """Keeps the channels with the highest indices among equal scores."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, replace(contract, ties="highest index"))


class RemovesNans(ChannelRemover):
    """Removes channels with a NaN besides those that the level demands."""

    def chosen(self, plan: Plan, names: tuple[str, ...]) -> list[int]:
        chosen = super().chosen(plan, names)
        labels = [one for name in names for one in self.labels.gives[name.rpartition(".")[0]] if one not in self.gone]
        broken = torch.cat([self.model.get_parameter(name).isnan().flatten(1).any(1) for name in names])
        return sorted({*chosen, *(label for label, is_broken in zip(labels, broken, strict=True) if is_broken)})


class RanksNansFirst(ChannelRemover):
    """Ranks channels by their negative score if one of them has a NaN."""

    def scores(self, weight: torch.Tensor) -> torch.Tensor:
        scores = super().scores(weight)
        return 1 / (1 + scores) if scores.isnan().any() else scores


class TakesHalf(ChannelRemover):
    """Removes a plan's channels although another part of the plan must be refused."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        self.update()


class HalfAdapter(StructuralExemplarAdapter):
    """Attaches to a part of the plan before it refuses the rest."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        some = {name: one for name, one in plan.patterns.items() if name != "nothing.weight"}
        if len(some) < len(plan.patterns):
            TakesHalf(model, Plan(some, plan.scope), self.contract)
        return super().attach(model, plan, context)


HEAD = (
    "import copy, io, math, pickle", "import numpy, torch", "from torch import nn",
    "from torch.nn.functional import mse_loss", "from sparsecheck import Channel, Context, Plan, Saved",
)
ONE = StructuralSkeleton(blocks=(Block(),), steps=TWO)


def steps(*more: Step) -> StructuralProgram:
    return fill(replace(ONE, steps=(*TWO, *more)), OFFER)


@pytest.mark.parametrize(("adapter", "program", "kind"), [
    (altered(Forgets), steps(SaveAndRestore(), Update(level=0.75)), "crashed"),
    (altered(SavesLess), steps(SaveAndRestore(), SaveAndRestore()), "crashed"),
    (altered(Reorders), steps(Update(level=0.75)), "entry-differs"),
    (altered(TiesUp), fill(replace(ONE, values="equal"), OFFER), "ties-differ"),
    (altered(RemovesNans), fill(replace(ONE, values="nan"), OFFER), "count-differs"),
    (altered(RanksNansFirst), fill(replace(ONE, values="nan"), OFFER), "kept-differs"),
    (HalfAdapter(), fill(replace(ONE, refused="missing"), OFFER), "channels-differ"),
], ids=["Forgets", "SavesLess", "Reorders", "TiesUp", "RemovesNans", "RanksNansFirst", "Half"])
def test_defects_of_a_longer_life_are_found(adapter: Adapter, program: StructuralProgram, kind: str) -> None:
    with pytest.raises(Violation) as found:
        walk(program, adapter)
    assert found.value.kind == kind
    walk(program)


def test_plan_that_is_unsupported_must_be_refused() -> None:
    class Takes(StructuralExemplarAdapter):
        def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
            some = {name: one for name, one in plan.patterns.items() if not getattr(one, "dim", 0)}
            return super().attach(model, Plan(some, plan.scope), context)

    program = fill(replace(ONE, refused="input_channel"), OFFER)
    walk(program)
    with pytest.raises(Violation, match=r"input_channel of head\.weight is planned and declared unsupported"):
        walk(program, Takes())


# ------------------------------------------------------------------ scripts


def test_rendered_programs_run() -> None:
    """Programs whose every step is taken."""
    ran = 0
    for program in (LIFE, *drawn(12, seed=5)):
        made = walk(program)
        if made.skipped or made.impossible() or any(getattr(step, "level", 0) == 1.5 for step in program.steps):
            continue
        ran += 1
        names: dict[str, object] = {"adapter": StructuralExemplarAdapter()}
        lines = render(program)
        assert max(map(len, lines)) <= 120
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec("\n".join((*HEAD, *lines)), names)
        assert isinstance(names["model"], nn.Module)
    assert ran >= 5


def test_rendered_refusal_is_said() -> None:
    lines = render(fill(replace(ONE, refused="missing"), OFFER))
    assert "sparsified = adapter.attach(model, plan, context)  # must be refused: there is no nothing.weight" in lines
