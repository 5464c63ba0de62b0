"""The oracles agree with examples worked out by hand, and with torch's own layers in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sparsecheck.oracle import compare, reference_tensors
from sparsecheck.oracle.forward import forward
from sparsecheck.oracle.networks import network
from sparsecheck.oracle.tolerance import tolerance
from sparsecheck.oracle.units import (
    count_removed,
    fixed_mask,
    masked,
    partial_blocks,
    total_removed,
    unit_scores,
    units,
)
from sparsecheck.trials import models
from sparsecheck.values.contract import Rounding
from sparsecheck.values.network import Layer, Network
from sparsecheck.values.pattern import Band, Block, Channel, Given, NofM, Pattern, Unstructured
from tests.samples import contract

NAN, INF = float("nan"), float("inf")
NETWORKS = ("linear", "large", "strided", "ragged", "tied", "conv1d", "conv2d", "embedding", "mixed", "windowed",
            "bare", "subclassed", "sequential", "fanout", "skip", "concat", "flattened", "convnorm", "depthwise")


def test_removed_entries_are_zero_even_if_nan_or_infinite() -> None:
    weight = np.array([NAN, INF, -INF, -2.0, 3.0, NAN])
    made = masked(weight, np.array([False, False, False, False, True, True]))
    assert made[:5].tolist() == [0.0, 0.0, 0.0, 0.0, 3.0]
    assert np.isnan(made[5])
    assert not np.signbit(made[:4]).any()


@pytest.mark.parametrize(
    ("level", "count", "removed"),
    [
        (0.5, 1, (0, 0, 1)), (0.5, 3, (2, 1, 2)), (0.5, 5, (2, 2, 3)), (0.5, 7, (4, 3, 4)), (0.5, 9, (4, 4, 5)),
        (0.25, 10, (2, 2, 3)), (0.75, 10, (8, 7, 8)), (0.3, 8, (2, 2, 3)), (0.9, 8, (7, 7, 8)), (0.4, 3, (1, 1, 2)),
        (0.0, 5, (0, 0, 0)), (1.0, 5, (5, 5, 5)), (0.5, 0, (0, 0, 0)), (0.5, 6, (3, 3, 3)), (0.3, 10, (3, 3, 3)),
        # in floating point, just below a whole number and just above one
        (0.29, 100, (29, 29, 29)), (0.07, 100, (7, 7, 7)), (0.1 + 0.2, 10, (3, 3, 3)), (0.57, 100, (57, 57, 57)),
        # further from a whole number than floating point takes one
        (0.5 + 2.5e-9, 2, (1, 1, 2)), (1.5e-9, 1, (0, 0, 1)),
    ],
)
def test_count_removed_by_a_level(level: float, count: int, removed: tuple[int, int, int]) -> None:
    ways: tuple[Rounding, ...] = ("half-even", "floor", "ceil")
    assert tuple(count_removed(level, count, way) for way in ways) == removed


@pytest.mark.parametrize(
    ("level", "count", "removed"),
    [(0.5, 1, 1), (0.5, 3, 2), (0.5, 5, 3), (0.5, 9, 5), (0.25, 10, 3), (0.3, 8, 2), (0.7, 8, 6), (0.29, 100, 29)],
)
def test_count_removed_with_half_up_rounding(level: float, count: int, removed: int) -> None:
    assert count_removed(level, count, "half-up") == removed


@pytest.mark.parametrize(
    ("basis", "regrowth", "level", "gone", "total"),
    [
        ("dense", "free", 0.5, 0, 5), ("dense", "free", 0.5, 8, 5), ("dense", "free", 0.5, 3, 5),
        ("dense", "monotone", 0.5, 8, 8), ("dense", "monotone", 0.5, 3, 5),
        ("remaining", "monotone", 0.5, 0, 5), ("remaining", "monotone", 0.5, 4, 7), ("remaining", "free", 0.5, 10, 10),
        ("remaining", "monotone", 0.25, 6, 7), ("remaining", "monotone", 0.0, 6, 6),
    ],
)
def test_total_removed_after_another_update(
    basis: str, regrowth: str, level: float, gone: int, total: int
) -> None:
    assert total_removed(level, 10, contract(level_basis=basis, regrowth=regrowth), gone) == total


def _cut(pattern: Pattern, shape: tuple[int, ...], **clauses: str) -> tuple[list[Any], list[int], tuple[int, ...]]:
    made = units(pattern, shape, contract(**clauses))
    assert made.count == len(made.groups)
    return made.index.tolist(), made.groups.tolist(), made.removed


def test_unstructured_units_are_single_entries() -> None:
    assert _cut(Unstructured(0.5), (2, 3)) == ([[0, 1, 2], [3, 4, 5]], [0] * 6, (3,))


def test_channel_units_along_outputs() -> None:
    assert _cut(Channel(0.5, 0), (2, 3)) == ([[0, 0, 0], [1, 1, 1]], [0, 0], (1,))


def test_channel_units_along_inputs() -> None:
    assert _cut(Channel(0.5, 1), (2, 3), rounding="floor") == ([[0, 1, 2], [0, 1, 2]], [0, 0, 0], (1,))
    assert _cut(Channel(0.5, 1), (2, 3), rounding="ceil")[2] == (2,)


def test_convolution_channels_include_the_window() -> None:
    assert _cut(Channel(1.0, 1), (2, 2, 1, 2)) == ([[[[0, 0]], [[1, 1]]], [[[0, 0]], [[1, 1]]]], [0, 0], (2,))


def test_n_of_m_groups_run_along_the_inputs() -> None:
    assert _cut(NofM(1, 4), (2, 4)) == ([[0, 1, 2, 3], [4, 5, 6, 7]], [0] * 4 + [1] * 4, (3, 3))
    assert _cut(NofM(2, 2), (1, 4)) == ([[0, 1, 2, 3]], [0, 0, 1, 1], (0, 0))


def test_block_units_are_whole_blocks() -> None:
    assert _cut(Block((1, 2), 0.5), (2, 4)) == ([[0, 0, 1, 1], [2, 2, 3, 3]], [0] * 4, (2,))
    assert _cut(Block((2, 1), 0.5), (2, 4)) == ([[0, 1, 2, 3], [0, 1, 2, 3]], [0] * 4, (2,))


def test_kept_partial_blocks_belong_to_no_unit() -> None:
    index = [[0, 0, 1, 1, -1], [0, 0, 1, 1, -1], [-1] * 5]
    assert _cut(Block((2, 2), 0.5), (3, 5), ragged="keep") == (index, [0, 0], (1,))


@pytest.mark.parametrize("ragged", ["prune", "refuse"])
def test_pruned_partial_blocks_are_units(ragged: str) -> None:
    index = [[0, 0, 1, 1, 2], [0, 0, 1, 1, 2], [3, 3, 4, 4, 5]]
    assert _cut(Block((2, 2), 0.5), (3, 5), ragged=ragged) == (index, [0] * 6, (3,))


@pytest.mark.parametrize(("rounding", "kept", "pruned"), [("half-even", 2, 2), ("floor", 1, 2), ("ceil", 2, 3)])
def test_ragged_blocks_are_counted_and_rounded_as_declared(rounding: str, kept: int, pruned: int) -> None:
    assert _cut(Block((2, 2), 0.4), (3, 9), rounding=rounding, ragged="keep")[1:] == ([0] * 4, (kept,))
    assert _cut(Block((2, 2), 0.4), (3, 5), rounding=rounding, ragged="prune")[1:] == ([0] * 6, (pruned,))


def test_matrix_smaller_than_a_block_has_no_whole_unit() -> None:
    assert _cut(Block((4, 4), 1.0), (2, 3), ragged="keep") == ([[-1] * 3] * 2, [], (0,))
    assert _cut(Block((4, 4), 1.0), (2, 3), ragged="prune") == ([[0] * 3] * 2, [0], (1,))


def test_blocks_of_a_tensor_that_is_not_a_matrix_are_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        units(Block((1, 2), 0.5), (2, 4, 3), contract())


def test_units_include_the_count_of_earlier_updates() -> None:
    terms = contract(level_basis="remaining", regrowth="monotone")
    for pattern, shape in ((Unstructured(0.5), (2, 4)), (Channel(0.5), (8, 3)), (Block((1, 2), 0.5), (4, 4))):
        assert units(pattern, shape, terms, gone=4).removed == (6,)


@pytest.mark.parametrize("pattern", [Given(np.ones((2, 2), dtype=np.bool_)), Band(3)])
def test_pattern_that_states_its_mask_has_no_units(pattern: Pattern) -> None:
    with pytest.raises(TypeError, match=f"^{type(pattern).__name__} states its mask itself$"):
        units(pattern, (2, 2), contract())


WEIGHT = np.array([[1.0, -2.0, 3.0], [0.5, 0.0, -4.0]])


@pytest.mark.parametrize(
    ("pattern", "first", "second"),
    [
        (Unstructured(0.5), [1, 2, 3, 0.5, 0, 4], [1, 4, 9, 0.25, 0, 16]),
        (Channel(0.5, 0), [6, 4.5], [14, 16.25]),
        (Channel(0.5, 1), [1.5, 2, 7], [1.25, 4, 25]),
        (Block((1, 2), 0.5), [3, 0.5], [5, 0.25]),
        (NofM(1, 3), [1, 2, 3, 0.5, 0, 4], [1, 4, 9, 0.25, 0, 16]),
    ],
)
def test_scores_are_sums_of_magnitudes_or_of_squares(pattern: Pattern, first: list[float], second: list[float]) -> None:
    for score, scores in (("magnitude-l1", first), ("magnitude-l2", second)):
        terms = contract(score=score, ragged="keep")
        assert unit_scores(WEIGHT, units(pattern, WEIGHT.shape, terms), terms).tolist() == scores


def test_partial_block_scores_its_own_entries() -> None:
    terms = contract(ragged="prune")
    scores = unit_scores(WEIGHT, units(Block((2, 2), 0.5), WEIGHT.shape, terms), terms)
    assert scores.tolist() == [3.5, 7.0]


def test_entries_in_partial_blocks() -> None:
    made = partial_blocks(Block((2, 2), 0.5), (3, 5)).tolist()
    assert made == [[False] * 4 + [True], [False] * 4 + [True], [True] * 5]
    assert not partial_blocks(Block((1, 4), 0.5), (3, 8)).any()


def test_a_band_is_kept_around_the_diagonal() -> None:
    for width, rows in ((5, ["###.", "####", "####"]), (3, ["##..", "###.", ".###"]), (1, ["#.", ".#", ".."])):
        made = fixed_mask(Band(width), (3, len(rows[0])))
        assert made is not None
        assert made.tolist() == [[mark == "#" for mark in row] for row in rows]


def test_fixed_mask_of_given_and_levelled_patterns() -> None:
    mask = np.array([[True, False]])
    assert fixed_mask(Given(mask), (1, 2)) is mask
    assert fixed_mask(Unstructured(0.5), (1, 2)) is None


@pytest.mark.parametrize(
    ("pattern", "rows"),
    [
        (Unstructured(0.5), [".##", "..#"]),
        (Channel(0.5, 0), ["###", "..."]),
        (Channel(0.7, 1), ["..#", "..#"]),
        (NofM(1, 3), ["..#", "..#"]),
        (NofM(2, 3), [".##", "#.#"]),
        (Block((1, 2), 0.5), ["###", "..#"]),
        (Band(1), ["#..", ".#."]),
    ],
)
def test_expected_mask_of_a_first_update(pattern: Pattern, rows: list[str]) -> None:
    made = reference_tensors.expected_mask(pattern, WEIGHT, contract(ragged="keep"))
    assert made.tolist() == [[mark == "#" for mark in row] for row in rows]


def test_l1_and_l2_keep_different_channels() -> None:
    scores = reference_tensors.MAGNITUDES
    made = [reference_tensors.expected_mask(Channel(0.5), WEIGHT, contract(score=score)) for score in scores]
    assert [mask[:, 0].tolist() for mask in made] == [[True, False], [False, True]]


def test_ties_keep_the_first() -> None:
    made = reference_tensors.expected_mask(Unstructured(0.5), np.array([[1.0, -1.0, 1.0, 1.0]]), contract())
    assert made.tolist() == [[True, True, False, False]]


# --------------------------------------------------------------------- forward


def _agrees(network: Network, model: nn.Module, inputs: torch.Tensor) -> None:
    parameters = {name: compare.array(one) for name, one in model.named_parameters(remove_duplicate=False)}
    parameters |= {name: compare.array(one) for name, one in model.named_buffers()}
    made = forward(network, parameters, compare.array(inputs))
    assert made.dtype == np.float64
    with torch.no_grad():
        compare.assert_close(model.eval()(inputs), made, tolerance("cpu", "float64"), "output-differs", "the output")


def test_a_linear_layer_by_hand() -> None:
    layer = Layer("a", "linear", 2, 1, bias=True)
    made = forward(
        Network("one", (layer,), (), (2,)),
        {"a.weight": np.array([[2.0, -1.0]]), "a.bias": np.array([0.5])},
        np.array([[3.0, 4.0], [0.0, 1.0]]),
    )
    assert made.tolist() == [[2.5], [-0.5]]


def test_convolution_does_not_flip_its_kernel() -> None:
    layer = Layer("a", "conv1d", 1, 1, kernel=2)
    weight, inputs = np.array([[[1.0, 10.0]]]), np.array([[[1.0, 2.0, 3.0, 4.0]]])
    made = forward(Network("one", (layer,), (), (1, 4)), {"a.weight": weight}, inputs)
    assert made.tolist() == [[[21.0, 32.0, 43.0]]]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda bias: Layer("a", "linear", 5, 3, bias=bias), (5,)),
        (lambda bias: Layer("a", "linear", 5, 3, bias=bias, strided=True), (5,)),
        (lambda bias: Layer("a", "linear", 5, 3, bias=bias), (2, 5)),
        (lambda bias: Layer("a", "conv1d", 3, 4, kernel=1, bias=bias), (3, 6)),
        (lambda bias: Layer("a", "conv1d", 3, 4, kernel=3, bias=bias), (3, 7)),
        (lambda bias: Layer("a", "conv2d", 3, 4, kernel=1, bias=bias), (3, 4, 5)),
        (lambda bias: Layer("a", "conv2d", 3, 4, kernel=3, bias=bias), (3, 6, 5)),
        (lambda bias: Layer("a", "conv1d", 4, 6, kernel=3, stride=2, padding=1, groups=2, bias=bias), (4, 8)),
        (lambda bias: Layer("a", "conv2d", 6, 3, kernel=2, dilation=2, groups=3, bias=bias), (6, 5, 7)),
        (lambda bias: Layer("a", "conv2d", 2, 3, kernel=3, stride=2, padding=2, bias=bias), (2, 5, 4)),
        (lambda bias: Layer("a", "embedding", 7, 4), (5,)),
        (lambda bias: Layer("a", "relu"), (3, 2)),
        (lambda bias: Layer("a", "flatten"), (3, 2, 2)),
    ],
)
def test_each_kind_of_layer_matches_torch(
    layer: Callable[[bool], Layer], shape: tuple[int, ...], bias: bool
) -> None:
    one = Network("one", (layer(bias),), (), shape)
    device = torch.device("cpu")
    model = models.build(one, "salt", torch.float64, device)
    assert len(list(model.parameters())) == one.layers[0].has_weight + one.layers[0].bias
    _agrees(one, model, models.inputs(one, "salt", 4, torch.float64, device))


@pytest.mark.parametrize("token", NETWORKS)
def test_each_network_matches_torch(token: str) -> None:
    net, device = network(token, "oracle"), torch.device("cpu")
    model = models.build(net, "salt", torch.float64, device)
    _agrees(net, model, models.inputs(net, "salt", 3, torch.float64, device))


def test_every_kind_of_layer_is_in_some_network() -> None:
    kinds = {layer.kind for token in NETWORKS for layer in network(token, "oracle").layers}
    assert kinds == {"linear", "conv1d", "conv2d", "embedding", "relu", "flatten", "norm2d", "add", "concat"}
