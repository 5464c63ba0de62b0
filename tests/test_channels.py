"""Channel dependencies and the parameters that remain: the oracle of the structural profile."""

from __future__ import annotations

import numpy as np
import pytest

from sparsecheck.oracle import channels, random_numbers
from sparsecheck.oracle.channels import (
    ChannelMatch,
    channel_groups,
    kept_channels,
    match_channels,
    output_with_zeroed_channels,
    shrink_network,
    slice_parameters,
)
from sparsecheck.oracle.forward import forward
from sparsecheck.oracle.networks import network
from sparsecheck.oracle.units import Reals
from sparsecheck.values.network import INPUT, Layer, Network

TOKENS = ("linear", "convnorm", "fanout", "skip", "concat", "flattened", "depthwise")


def tensors(net: Network) -> dict[str, Reals]:
    """Return parameters and statistics, drawn from their names."""
    made: dict[str, Reals] = {}
    for layer in net.layers:
        if layer.has_weight:
            made[layer.weight] = random_numbers.reals(f"{layer.name} weight", layer.weight_shape)
        for part in (("bias",) if layer.bias else ("weight", "bias", "running_mean") if layer.is_norm else ()):
            made[f"{layer.name}.{part}"] = random_numbers.reals(f"{layer.name} {part}", (layer.outputs,))
        if layer.is_norm:
            variance = random_numbers.reals(f"{layer.name} var", (layer.outputs,))
            made[f"{layer.name}.running_var"] = np.abs(variance) + 0.5
    return made


def planned(net: Network) -> set[int]:
    """Return the groups of every third channel of each planned layer."""
    given = channel_groups(net)
    return {int(label) for name in net.planned for label in given[name.removesuffix(".weight")][::3]}


@pytest.mark.parametrize("token", TOKENS)
def test_removing_channels_equals_setting_them_to_zero(token: str) -> None:
    net = network(token, "structure")
    dense, gone = tensors(net), planned(net)
    inputs = random_numbers.reals("inputs", (2, *net.input_shape))
    kept = kept_channels(net, gone)
    cut = forward(shrink_network(net, kept), slice_parameters(dense, kept), inputs)
    np.testing.assert_allclose(cut, output_with_zeroed_channels(net, dense, gone, inputs), rtol=1e-12, atol=1e-12)
    assert not np.allclose(cut, forward(net, dense, inputs))


@pytest.mark.parametrize("token", TOKENS)
def test_remaining_parameters_have_the_shapes_of_the_smaller_network(token: str) -> None:
    net = network(token, "structure")
    kept = kept_channels(net, planned(net))
    cut = slice_parameters(tensors(net), kept)
    for layer in shrink_network(net, kept).weighted:
        assert cut[layer.weight].shape == layer.weight_shape


@pytest.mark.parametrize("token", TOKENS)
def test_no_removed_channel_keeps_everything(token: str) -> None:
    net = network(token, "structure")
    kept = kept_channels(net, ())
    assert shrink_network(net, kept) == net
    for name, values in slice_parameters(tensors(net), kept).items():
        np.testing.assert_array_equal(values, tensors(net)[name])


def chain(*layers: Layer) -> Network:
    return Network("one", layers, (), (2, 2, 3))


def conv(name: str, inputs: int, outputs: int, *takes: str, groups: int = 1) -> Layer:
    return Layer(name, "conv2d", inputs, outputs, groups=groups, takes=takes)


def labels(net: Network) -> dict[str, list[int]]:
    return {name: found.tolist() for name, found in channel_groups(net).items()}


def test_input_has_one_group_and_every_layer_its_own() -> None:
    found = labels(chain(conv("a", 2, 3), Layer("relu", "relu"), conv("b", 3, 2)))
    assert found == {INPUT: [0, 0], "a": [1, 2, 3], "relu": [1, 2, 3], "b": [4, 5]}


def test_added_channels_share_a_group() -> None:
    found = labels(chain(conv("a", 2, 2), conv("b", 2, 2), Layer("sum", "add", takes=("b", "a")), conv("c", 2, 1)))
    assert (found["a"], found["b"], found["sum"]) == ([1, 2], [1, 2], [1, 2])
    assert found["c"] == [3]


def test_repeated_additions_merge_all_groups() -> None:
    found = labels(chain(
        conv("a", 2, 1), conv("b", 1, 1), Layer("first", "add", takes=("a", "b")), conv("c", 1, 1),
        Layer("second", "add", takes=("first", "c")),
    ))
    assert found["a"] == found["b"] == found["c"] == found["second"] == [1]


def test_concatenation_has_the_groups_of_its_parts_in_order() -> None:
    found = labels(chain(conv("a", 2, 1, INPUT), conv("b", 2, 2, INPUT), Layer("both", "concat", takes=("b", "a"))))
    assert found["both"] == [2, 3, 1]


def test_flatten_repeats_each_group() -> None:
    assert labels(chain(conv("a", 2, 2), Layer("flat", "flatten")))["flat"] == [1] * 6 + [2] * 6


def test_only_a_depthwise_convolution_passes_groups_through() -> None:
    assert labels(chain(conv("a", 2, 2), conv("b", 2, 2, groups=2)))["b"] == [1, 2]
    assert labels(chain(conv("a", 2, 4), conv("b", 4, 4, groups=2)))["b"] == [5, 6, 7, 8]


def test_convolution_of_one_channel_is_not_depthwise() -> None:
    assert labels(chain(conv("a", 2, 1), conv("b", 1, 1)))["b"] == [2]


def test_norm_passes_groups_through() -> None:
    linear = Layer("a", "linear", 2, 3)
    for norm in (Layer("b", "norm", 3, 3), Layer("b", "norm2d", 3, 3)):
        found = labels(Network("one", (linear, norm), (), (2,)))
        assert found["b"] == found["a"] == [1, 2, 3]


def test_kept_channels_of_outputs_and_inputs() -> None:
    net = chain(conv("a", 2, 3), Layer("norm", "norm2d", 3, 3), conv("b", 3, 2))
    kept = kept_channels(net, {2})
    assert list(kept) == ["a", "norm", "b"]
    assert kept["a"].outputs.tolist() == kept["norm"].outputs.tolist() == kept["b"].inputs.tolist()
    assert kept["a"].outputs.tolist() == [True, False, True]
    assert kept["a"].inputs.tolist() == [True, True]
    assert kept["b"].outputs.tolist() == [True, True]


def test_channels_are_zeroed_after_every_layer() -> None:
    net = Network("one", (Layer("a", "linear", 1, 2, bias=True), Layer("b", "linear", 2, 1)), (), (1,))
    values = {"a.weight": np.array([[1.0], [2.0]]), "a.bias": np.array([5.0, 7.0]), "b.weight": np.array([[1.0, 1.0]])}
    assert output_with_zeroed_channels(net, values, {1}, np.array([[3.0]])).tolist() == [[13.0]]


def as_lists(found: ChannelMatch) -> tuple[list[int], list[int]]:
    return found.outputs.tolist(), found.inputs.tolist()


def test_rows_and_columns_are_matched() -> None:
    dense = np.arange(20.0).reshape(4, 5)
    assert as_lists(match_channels(dense, dense[[3, 1]][:, [0, 2, 4]])) == ([3, 1], [0, 2, 4])
    window = np.arange(48.0).reshape(3, 4, 2, 2)
    assert as_lists(match_channels(window, window[[2]][:, [1, 3]])) == ([2], [1, 3])


def test_unknown_row_is_not_matched_but_a_partly_known_one_is() -> None:
    dense = np.arange(12.0).reshape(3, 4)
    seen = np.array([[0.0, 1.0, 2.0, 99.0], [99.0, 98.0, 97.0, 96.0]])
    assert as_lists(match_channels(dense, seen)) == ([0, -1], [0, 1, 2, -1])


def test_repeated_entries_are_outvoted() -> None:
    dense = np.array([[1.0, 2.0, 3.0], [1.0, 5.0, 6.0]])
    assert as_lists(match_channels(dense, dense[[1]])) == ([1], [0, 1, 2])


def test_channels_of_nested_layers() -> None:
    net = network("linear", "structure")
    assert set(channels.kept_channels(net, ())) == {"layer1", "layer10", "block.layer1", "block.layer10"}
