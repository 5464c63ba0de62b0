"""The layers that may follow a planned one: the oracle computes them, and a defect of each is red in its cells."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from torch import fx, nn

from sparsecheck import Adapter
from sparsecheck.adapter.shipped.channel_dependencies import Dependencies
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover
from sparsecheck.oracle.channels import output_with_zeroed_channels
from sparsecheck.oracle.compare import array, assert_close
from sparsecheck.oracle.forward import forward
from sparsecheck.oracle.tolerance import Tolerance, tolerance
from sparsecheck.programs.statements import scaled
from sparsecheck.programs.structural import network
from sparsecheck.programs.structural.fill import fill
from sparsecheck.programs.structural.render import render
from sparsecheck.programs.structural.skeleton import Block, Form, StructuralSkeleton
from sparsecheck.programs.structural.twin import SlicedTwin, amplification, coupled
from sparsecheck.programs.structural.walk import MOST_AMPLIFIED
from sparsecheck.trials.pruned_model import read_tensors
from sparsecheck.values.record import Verdict
from sparsecheck.values.steps import Backward, CallLayer, Finalize, Train, WriteWeights
from sparsecheck.values.structural_program import StructuralProgram
from sparsecheck.values.violation import Violation
from tests.test_structural_corpus import records
from tests.test_structural_programs import CPU, HEAD, OFFER, TWO, altered, walk

BOUND = tolerance("cpu", "float64")
LAYERS: list[tuple[int, Form]] = [
    *((kind, form) for kind in (1, 2) for form in ("transposed", "pool", "groupnorm", "grouped")),
    (0, "layernorm"), (0, "groupnorm"), (0, "view"), (0, "heads"), (0, "lstm"), (0, "units"), (2, "shuffle"),
    (2, "unshuffle"),
]
KINDS = {"lstm": "lstm", "units": "lstm"}
"""The kind of layer that a form has, if it has another name."""


def program_of(kind: int, form: Form) -> StructuralProgram:
    skeleton = StructuralSkeleton(blocks=(Block(form=form, relu=True),), kind=kind, window=True, steps=TWO)
    return replace(fill(skeleton, OFFER), dtype="float64")


@pytest.mark.parametrize(("kind", "form"), LAYERS)
def test_oracle_computes_what_torch_does(kind: int, form: Form) -> None:
    program = program_of(kind, form)
    kind_of_form = KINDS.get(form, form)
    assert any(kind_of_form in layer.kind or (form == "grouped" and layer.groups == 2) for layer in program.layers)
    model = network.build(program, "dense", CPU).eval()
    inputs = network.inputs(program, "probe", 3, torch.float64, CPU)
    expected = forward(network.network(program), read_tensors(model), array(inputs))
    assert_close(model(inputs), expected, BOUND, "output-differs", "output")


@pytest.mark.parametrize(("kind", "form"), [at for at in LAYERS if "norm" not in at[1]])
def test_twin_computes_what_the_dense_model_does_with_zeroed_channels(kind: int, form: Form) -> None:
    program = program_of(kind, form)
    dense, model = network.network(program), network.build(program, "dense", CPU).eval()
    tensors, twin = read_tensors(model), SlicedTwin(model, dense)
    labels = [*dict.fromkeys(twin.groups["layer1"].tolist())]
    for gone in ([labels[1], labels[6]], [labels[0], labels[7]]):  # one of each half, one removal after another
        twin.remove(gone)
        inputs = network.inputs(program, "probe", 3, torch.float64, CPU)
        expected = output_with_zeroed_channels(dense, tensors, twin.gone, array(inputs))
        assert_close(twin.model(inputs), expected, BOUND, "output-differs", "output of the twin")
    assert bool(coupled(dense, twin.groups)) == (form in ("grouped", "view", "heads", "units", "shuffle"))


def test_norms_are_over_the_channels_that_remain() -> None:
    for kind, form in (one for one in LAYERS if "norm" in one[1]):
        program = program_of(kind, form)
        twin = SlicedTwin(network.build(program, "dense", CPU).eval(), network.network(program))
        whole = [*twin.groups["layer1"][:4]] if form == "groupnorm" else [*twin.groups["layer1"][2:5]]
        norm = twin.model.get_submodule("layer1_b")
        scale = array(norm.get_parameter("weight"))
        twin.remove(map(int, whole))
        left = twin.kept["layer1"].outputs
        assert np.array_equal(array(norm.get_parameter("weight")), scale[left])
        values = torch.rand(3, int(left.sum()), *(4,) * kind, dtype=torch.float64)
        seen = norm(values)
        one = nn.functional.group_norm(values, 1, norm.get_parameter("weight"), norm.get_parameter("bias"))
        torch.testing.assert_close(seen, one)


@pytest.mark.parametrize("form", ["groupnorm", "grouped"])
def test_channels_must_not_change_their_group(form: Form) -> None:
    program = program_of(2, form)
    twin = SlicedTwin(network.build(program, "dense", CPU), network.network(program))
    with pytest.raises(Violation, match=r"leaves \[2, 3\] channels in the groups of layer1_b, expected equally many"):
        twin.remove(map(int, twin.groups["layer1"][[0, 1, 4]]))


# ------------------------------------------------------------------ broken sparsifiers


class CutsTransposedAsOthers(ChannelRemover):
    """Takes the rows of a transposed convolution's weight for its outputs."""

    def cut(self, module: nn.Module, outputs: torch.Tensor, inputs: torch.Tensor) -> None:
        weight = getattr(module, "weight", None)
        super().cut(module, outputs, inputs)
        if isinstance(module, (nn.ConvTranspose1d, nn.ConvTranspose2d)) and weight is not None:
            module.weight = nn.Parameter(weight.detach()[outputs][:, inputs])


class _StopsAtPools(Dependencies):
    def _follow(self, node: fx.Node, gives: dict[str, list[int]], takes: dict[str, list[int]]) -> list[int]:
        labels = super()._follow(node, gives, takes)
        pools = (nn.AvgPool1d, nn.AvgPool2d)
        is_pool = node.op == "call_module" and isinstance(self._model.get_submodule(str(node.target)), pools)
        return [-1] * len(labels) if is_pool else labels


class StopsAtPools(ChannelRemover):
    """Follows channels up to a pooling layer."""

    dependencies = _StopsAtPools


class KeepsTheFirstScales(ChannelRemover):
    """Keeps the first scales of a layer norm."""

    def cut(self, module: nn.Module, outputs: torch.Tensor, inputs: torch.Tensor) -> None:
        first = torch.arange(len(outputs))
        super().cut(module, first if isinstance(module, nn.LayerNorm) else outputs, inputs)


class _ForgetsGroupsOfNorms(Dependencies):
    def _couple(self, labels: list[int], groups: int) -> None:
        if not any(isinstance(module, nn.GroupNorm) for module in self._model.modules()):
            super()._couple(labels, groups)


class ForgetsGroupsOfNorms(ChannelRemover):
    """Removes any channels before a group norm, so that others change their group."""

    dependencies = _ForgetsGroupsOfNorms


class TakesTheFirstOfEachGroup(ChannelRemover):
    """Leaves of a grouped convolution the first inputs of each group, whichever remain."""

    def cut(self, module: nn.Module, outputs: torch.Tensor, inputs: torch.Tensor) -> None:
        if isinstance(module, (nn.Conv1d, nn.Conv2d)) and 1 < module.groups < module.in_channels:
            width, left = module.in_channels // module.groups, len(inputs) // module.groups
            inputs = torch.cat([torch.arange(left) + number * width for number in range(module.groups)])
        super().cut(module, outputs, inputs)


class _PartsChannelsOfPixels(Dependencies):
    def _parted(self, labels: list[int], size: int) -> list[int]:
        return labels[::size] if size > 2 else super()._parted(labels, size)


class PartsChannelsOfPixels(ChannelRemover):
    """Removes features or channels singly that a view or a pixel shuffle makes one channel of."""

    dependencies = _PartsChannelsOfPixels


class _TakesPixelsInTurn(Dependencies):
    def _of_reshape(self, node: fx.Node, module: nn.Module | None, taken: list[int]) -> list[int]:
        is_unshuffle = isinstance(module, nn.PixelUnshuffle)
        return taken * 4 if is_unshuffle else super()._of_reshape(node, module, taken)


class TakesPixelsInTurn(ChannelRemover):
    """Takes the channels of unshuffled pixels in turn, and not one after another."""

    dependencies = _TakesPixelsInTurn


class _ForgetsQueries(Dependencies):
    def _of_attention(self, node: fx.Node, taken: list[list[int]]) -> list[int]:
        self._unite(taken[1], taken[2])
        self._keep_width(node)
        return taken[2]


class ForgetsQueries(ChannelRemover):
    """Removes heads from keys and values alone."""

    dependencies = _ForgetsQueries


class CutsInputsOfLstmsFirst(ChannelRemover):
    """Leaves of an LSTM the first inputs, whichever remain."""

    def cut(self, module: nn.Module, outputs: torch.Tensor, inputs: torch.Tensor) -> None:
        is_of_features = isinstance(module, nn.LSTM) and len(outputs) == module.hidden_size
        super().cut(module, outputs, torch.arange(len(inputs)) if is_of_features else inputs)


class ForgetsRecurrence(ChannelRemover):
    """Removes hidden units of an LSTM, and leaves what the first ones were fed with."""

    def cut(self, module: nn.Module, outputs: torch.Tensor, inputs: torch.Tensor) -> None:
        if isinstance(module, nn.LSTM):
            self.fed = module.get_parameter("weight_hh_l0").detach()
        super().cut(module, outputs, inputs)
        if isinstance(module, nn.LSTM):
            wrong = self.fed.unflatten(0, (4, -1))[:, outputs, :len(outputs)].flatten(0, 1)
            module.get_parameter("weight_hh_l0").data.copy_(wrong)


BROKEN: dict[str, tuple[type[ChannelRemover], set[str]]] = {
    "transposed": (CutsTransposedAsOthers, {"channels-differ"}),
    "pool": (StopsAtPools, {"channels-differ"}),
    "layernorm": (KeepsTheFirstScales, {"entry-differs"}),
    "groupnorm": (ForgetsGroupsOfNorms, {"channels-differ"}),
    "grouped": (TakesTheFirstOfEachGroup, {"entry-differs"}),
    "view": (PartsChannelsOfPixels, {"channels-differ"}),
    "shuffle": (PartsChannelsOfPixels, {"channels-differ"}),
    "unshuffle": (TakesPixelsInTurn, {"entry-differs"}),
    "heads": (ForgetsQueries, {"channels-differ"}),
    "lstm": (CutsInputsOfLstmsFirst, {"entry-differs"}),
    "units": (ForgetsRecurrence, {"entry-differs"}),
}
"""By what follows a planned layer, a sparsifier that gets it wrong, and the kinds of its violations."""


SAME = dict.fromkeys(("view", "shuffle"), ("view", "shuffle"))
"""The forms in which a sparsifier of `BROKEN` fails, if there are several."""


@pytest.mark.parametrize("form", BROKEN)
def test_a_defect_of_one_kind_of_layer_is_red_in_its_cells_alone(form: str) -> None:
    body, kinds = BROKEN[form]
    red = _red(altered(body), "WALK-05")
    assert {*red} <= {f"{network}-{one}" for one in SAME.get(form, (form,)) for network in _networks(one)}
    assert {*red.values()} == kinds  # in some of those networks: a wrong choice may be the right one


def _red(adapter: Adapter, id: str) -> dict[str, str]:
    return {name: record.signature.partition(":")[0] for name, record in records(adapter, id).items()
            if record.verdict is Verdict.FAILED}


def _networks(form: str) -> list[str]:
    return [("linear", "conv1d", "conv2d")[kind] for kind, one in LAYERS if one == form]


@pytest.mark.parametrize(("kind", "form"), LAYERS[-6:])
def test_rendered_programs_have_layers_of_every_kind(kind: int, form: Form) -> None:
    life = (*TWO, CallLayer(), WriteWeights(how="assign"), Train(), Finalize())
    program = fill(StructuralSkeleton(blocks=(Block(form=form),), kind=kind, steps=life), OFFER)
    assert not walk(program).skipped
    names: dict[str, object] = {"adapter": altered(ChannelRemover)}
    exec("\n".join((*HEAD, *render(program))), names)
    assert isinstance(names["model"], nn.Module)


# ------------------------------------------------------------------ rounding behind batch norms


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_rounding_behind_batch_norms_is_within_the_bound(kind: int, seed: int) -> None:
    """The gradients of float32 differ from those of float64 by less than the tolerance allows, which is below 20."""
    blocks = (Block(norm=True, relu=bool(seed % 2)), Block(norm=seed > 1, size="prime"))
    program = fill(StructuralSkeleton(blocks=blocks, kind=kind, window=True, steps=TWO), OFFER)
    twin = SlicedTwin(network.build(program, f"dense {seed}", CPU), network.network(program))
    exact = copy.deepcopy(twin)
    exact.to(torch.float64)
    for one, dtype in ((twin, torch.float32), (exact, torch.float64)):
        batches = network.batches(program, 2, f"batch {seed}", torch.float32, CPU)
        one.backward([(inputs.to(dtype), target.to(dtype)) for inputs, target in batches])
    bound, wider = tolerance("cpu", "float32"), min(MOST_AMPLIFIED, twin.amplified)
    limit = Tolerance(bound.relative * wider, bound.absolute * wider)
    for name, parameter in exact.model.named_parameters():
        seen, expected = twin.model.get_parameter(name).grad, parameter.grad
        assert seen is not None
        assert expected is not None
        within = scaled(limit, expected, *exact.model.parameters())
        assert_close(seen, array(expected), within, "gradient-differs", f"gradient of {name}")


def test_norms_amplify_by_the_condition_of_their_inputs() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2).eval())
    with amplification(model) as found:
        model(torch.tensor([[1.0, 8.0], [3.0, 8.25]]))
    assert found == {"0": pytest.approx(1 + 8.25 / (0.125**2 + 1e-5) ** 0.5)}


class ScalesGradients(ChannelRemover):
    """Makes gradients larger by some ten-thousandths."""

    factor = 1 + 1.5e-4

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for parameter in self.model.parameters():
            parameter.register_hook(lambda gradient: gradient * self.factor)


def test_gradients_that_are_wrong_by_less_than_the_widest_tolerance_are_found() -> None:
    skeleton = StructuralSkeleton(blocks=(Block(norm=True),), kind=2, window=True, steps=(*TWO, Backward()))
    program = fill(skeleton, OFFER)
    assert walk(program).twin.amplified < MOST_AMPLIFIED / 4
    with pytest.raises(Violation, match=r"gradient of \S+ .* differs"):
        walk(program, altered(ScalesGradients))
