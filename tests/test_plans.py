"""Tokens on the axes stand for the right networks and patterns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from sparsecheck.catalogue import CATALOGUE
from sparsecheck.catalogue.axes import LAYERS
from sparsecheck.oracle.networks import network
from sparsecheck.oracle.plans import mix_patterns, pattern_for, plan_for
from sparsecheck.trials import models
from sparsecheck.values.network import Layer, Network
from sparsecheck.values.pattern import Band, Block, Channel, Given, NofM, Pattern, Unstructured
from sparsecheck.values.plan import Plan

SALTS = [requirement.id for requirement in CATALOGUE]


@pytest.mark.parametrize(
    ("token", "pattern"),
    [
        ("unstructured-0.5", Unstructured(0.5)), ("unstructured-0", Unstructured(0)),
        ("block1x4-0.5", Block((1, 4), 0.5)), ("block12x8-0.25", Block((12, 8), 0.25)),
        ("2of4", NofM(2, 4)), ("1of16", NofM(1, 16)),
        ("channel0-0.5", Channel(0.5, 0)), ("channel1-0.3", Channel(0.3, 1)),
        ("band-3", Band(3)), ("band-11", Band(11)),
    ],
)
def test_a_token_stands_for_its_pattern(token: str, pattern: Pattern) -> None:
    assert pattern_for(token, (8, 16), "salt") == pattern


@pytest.mark.parametrize(
    "token", ["", "unstructured", "unstructured-half", "block-0.5", "block1x4", "4of", "channel-0.5", "band-", "x2of4",
              "unstructured-0.5x", "block1x4-0.5x", "2of4x", "channel0-0.5x", "band-3x"]
)
def test_invalid_token_is_an_error(token: str) -> None:
    with pytest.raises(ValueError, match=f"^no pattern is written '{token}'$"):
        pattern_for(token, (8, 16), "salt")


def _given(token: str, shape: tuple[int, ...], salt: str = "salt") -> Given:
    pattern = pattern_for(token, shape, salt)
    assert isinstance(pattern, Given)
    return pattern


def test_given_mask_is_irregular_and_neither_full_nor_empty() -> None:
    mask = _given("given", (40, 50)).mask
    assert mask.shape == (40, 50)
    assert mask.dtype == np.bool_
    assert 0.45 < mask.mean() < 0.55
    assert len({row.tobytes() for row in mask}) == 40
    for shape in ((1, 2), (2, 1), (1, 1, 2)):
        assert _given("given", shape).mask.ravel().tolist() == [True, False]


def test_given_mask_depends_on_its_salt_alone() -> None:
    assert (_given("given", (8, 16)).mask == _given("given", (8, 16)).mask).all()
    assert (_given("given", (8, 16)).mask != _given("given", (8, 16), "pepper").mask).any()


def test_first_entries_of_a_given_mask() -> None:
    rows = ["#.#.", "####", "##.#"]
    assert _given("given", (3, 4)).mask.tolist() == [[mark == "#" for mark in row] for row in rows]


def test_identity_and_zero_masks() -> None:
    assert _given("given-identity", (2, 3)).mask.all()
    assert not _given("given-zeros", (2, 3)).mask.any()


def test_a_plan_covers_the_planned_weights_each_in_its_shape() -> None:
    net = network("mixed", "salt")
    plan = plan_for(net, "given", "salt")
    shapes = {layer.weight: layer.weight_shape for layer in net.weighted}
    assert plan.names == net.planned == ("stem.conv1.weight", "layer1.weight")
    for name, pattern in plan.patterns.items():
        assert isinstance(pattern, Given)
        assert pattern.mask.shape == shapes[name]


def test_plan_has_the_given_scope() -> None:
    net = network("linear", "salt")
    assert plan_for(net, "unstructured-0.5", "salt").scope == "each"
    assert plan_for(net, "unstructured-0.5", "salt", "all").scope == "all"


def test_two_weights_of_one_plan_are_given_different_masks() -> None:
    square = tuple(Layer(name, "linear", 8, 8) for name in ("one", "two"))
    plan = plan_for(Network("two", square, ("one.weight", "two.weight"), (8,)), "given", "salt")
    first, second = (pattern.mask for pattern in plan.patterns.values() if isinstance(pattern, Given))
    assert (first != second).any()


@pytest.mark.parametrize(
    ("pattern", "first", "second"),
    [
        (Unstructured(0.5), Unstructured(0.25), Unstructured(0.75)),
        (Block((1, 4), 0.5), Block((1, 4), 0.25), Block((1, 4), 0.75)),
        (Channel(0.5, 1), Channel(0.25, 1), Channel(0.75, 1)),
        (NofM(2, 4), NofM(2, 4), NofM(1, 4)),
        (Band(3), Band(3), Band(5)),
    ],
)
def test_mixed_plan_alternates_patterns_in_reverse_order(
    pattern: Pattern, first: Pattern, second: Pattern
) -> None:
    plan = mix_patterns(Plan({"a": pattern, "b": pattern, "c": pattern}, "all"))
    assert list(plan.patterns.items()) == [("c", first), ("b", second), ("a", first)]
    assert plan.scope == "all"


def test_mixed_plan_gives_each_parameter_its_own_mask() -> None:
    plan = plan_for(network("mixed", "salt"), "given", "salt")
    assert mix_patterns(plan).patterns == plan.patterns


# ------------------------------------------------------------------- networks


@pytest.mark.parametrize("token", LAYERS)
def test_a_network_has_the_kinds_of_layers_that_its_token_takes(token: str) -> None:
    net = network(token, "salt")
    planned = {layer.kind for layer in net.weighted if layer.weight in net.planned}
    assert net.token == token
    assert planned == set(LAYERS[token])


@pytest.mark.parametrize("token", LAYERS)
def test_each_layer_takes_the_output_of_the_previous_one(token: str) -> None:
    for salt in SALTS:
        chain = network(token, salt).weighted if network(token, salt).is_chain else ()
        for one, following in pairwise(chain):
            channels = one.outputs if following.kind == one.kind or one.kind == "embedding" else None
            assert channels in (None, following.inputs)


@pytest.mark.parametrize("token", [token for token in LAYERS if token not in ("bare", "subclassed")])
def test_every_network_has_an_unplanned_layer_with_a_similar_name(token: str) -> None:
    net = network(token, "salt")
    weights = [layer.weight for layer in net.weighted]
    assert set(net.planned) < set(weights)
    unplanned = [name for name in weights if name not in net.planned and name not in dict(net.tied)]
    for name in set(net.planned) - {"stem.conv1.weight"} - ({"conv1.weight"} if token == "flattened" else set()):
        assert any(other.startswith(name.removesuffix(".weight")) for other in unplanned), name


@pytest.mark.parametrize("token", [token for token in LAYERS if token != "tied"])
def test_no_planned_weight_is_square(token: str) -> None:
    for salt in SALTS:
        net = network(token, salt)
        for layer in net.weighted:
            assert layer.inputs != layer.outputs or layer.weight not in net.planned, salt


@pytest.mark.parametrize("token", ["linear", "large", "strided", "tied", "embedding", "conv1d", "conv2d"])
def test_sizes_are_multiples_of_four(token: str) -> None:
    for salt in SALTS:
        for layer in network(token, salt).weighted:
            assert (layer.inputs % 4, layer.outputs % 4) == (0, 0)


def test_ragged_sizes_are_not_multiples_of_block_edges() -> None:
    for salt in SALTS:
        for layer in network("ragged", salt).weighted:
            assert layer.inputs % 4
            assert layer.outputs % 4


def test_sizes_differ_from_salt_to_salt_and_are_the_same_for_one() -> None:
    assert len({network("linear", salt) for salt in SALTS}) > len(SALTS) // 2
    assert network("mixed", "salt") == network("mixed", "salt")


def test_tied_layers_share_one_planned_weight() -> None:
    net = network("tied", "salt")
    assert net.tied == (("layer2.weight", "layer1.weight"),)
    assert net.planned == ("layer1.weight",)
    assert net.layers[0].weight_shape == net.layers[2].weight_shape


def test_only_strided_networks_store_weights_non_contiguously() -> None:
    for token in LAYERS:
        strided = {layer.weight for layer in network(token, "salt").layers if layer.strided}
        assert strided == (set(network(token, "salt").planned) if token == "strided" else set())


def test_unknown_network_is_an_error() -> None:
    with pytest.raises(KeyError, match="banana"):
        network("banana", "salt")


MULTIPLES = (16, 64)


@pytest.mark.parametrize("multiple", MULTIPLES)
@pytest.mark.parametrize("token", LAYERS)
def test_sizes_are_multiples_of_the_required_number(token: str, multiple: int) -> None:
    for salt in SALTS:
        for layer in network(token, salt, multiple).weighted:
            sizes = layer.weight_shape[: 1 if layer.groups == layer.inputs else 2]
            assert not any(size % multiple for size in sizes), (salt, layer)


@pytest.mark.parametrize("multiple", MULTIPLES)
@pytest.mark.parametrize("token", LAYERS)
def test_enlarged_network_has_the_same_structure_and_runs(token: str, multiple: int) -> None:
    small, net = network(token, "salt"), network(token, "salt", multiple)
    assert [(layer.name, layer.kind, layer.groups > 1) for layer in net.layers] == [
        (layer.name, layer.kind, layer.groups > 1) for layer in small.layers
    ]
    assert (net.token, net.planned, net.tied, net.sequential) == (
        small.token, small.planned, small.tied, small.sequential
    )
    model = models.build(net, "salt", torch.float32, torch.device("cpu"))
    inputs = models.inputs(net, "salt", 2, torch.float32, torch.device("cpu"))
    assert model(inputs).shape[0] == 2
