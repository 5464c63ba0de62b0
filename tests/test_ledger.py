"""The ledger: the planned cells, their dispositions, and the check that all were judged."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from sparsecheck.adapter.discovery import load, registrations
from sparsecheck.catalogue import CATALOGUE
from sparsecheck.catalogue.axes import (
    COMPOSITIONS,
    LAYERS,
    LOOPS,
    MODELS,
    NEIGHBOURS,
    OPTIMIZERS,
    PARAMETERS,
    PROGRAMS,
    RELATIONS,
    RUNS,
    SCHEDULES,
    STRUCTURAL_PROGRAMS,
    pattern_capability,
)
from sparsecheck.programs.corpus import corpus, structural_corpus
from sparsecheck.report.ledger import (
    Planned,
    applies,
    cells,
    enumerate_cells,
    not_offered,
)
from sparsecheck.values.capability import CAPABILITIES, LAYER_KINDS, PARTS, declare
from sparsecheck.values.cell import Cell
from sparsecheck.values.declaration import Declaration
from sparsecheck.values.requirement import ACCELERATOR, CANONICAL_PATTERN, LEVELLED_PATTERN, Requirement
from sparsecheck.values.selection import Selection
from tests.samples import declaration, environment, requirement

CEILING = 460
"""Cells on the CPU that one sparsifier may cost, besides the programs."""

PROGRAM_CEILING, STEP_CEILING = 220, 2200
"""Programs of WALK-01 or WALK-04 that one sparsifier may cost, and their steps, of which each takes about 10 ms."""

SHIPPED = [one.name for one in registrations() if one.distribution == "sparsecheck" and not one.lacking]


def planned(
    *requirements: Requirement, it: Declaration | None = None, torch: str = "2.13.0+cpu",
    devices: tuple[str, ...] = ("cpu",), selection: Selection | None = None,
) -> tuple[Planned, ...]:
    """Return the ledger of `it`, which supports everything by default."""
    place = environment(torch=torch, devices=devices)
    return enumerate_cells(requirements, it or declaration(), selection or Selection(), place)


def axes(ledger: tuple[Planned, ...]) -> list[str]:
    return [one.cell.axes for one in ledger]


def test_axes_vary_one_at_a_time_from_the_canonical_cell() -> None:
    every_axis = requirement(
        layers=("linear", "large"), patterns=("2of4", "1of4", "given"), dtypes=("float32", "float64"),
        devices=("cpu", ACCELERATOR),
    )
    assert axes(planned(every_axis, devices=("cpu", "xpu"))) == [
        "MASK-01/linear/2of4/float32/cpu",
        "MASK-01/large/2of4/float32/cpu",
        "MASK-01/linear/1of4/float32/cpu",
        "MASK-01/linear/given/float32/cpu",
        "MASK-01/linear/2of4/float64/cpu",
        "MASK-01/linear/2of4/float32/xpu",
    ]


def test_the_ledger_keeps_the_order_of_the_catalogue() -> None:
    ledger = planned(requirement("B-02"), requirement("A-01"))
    assert [one.cell.requirement for one in ledger] == ["B-02", "A-01"]


@pytest.mark.parametrize(
    ("without", "pattern"),
    [
        ("", "given"),
        ("given", "unstructured-0.5"),
        ("given unstructured", "block1x4-0.5"),
        ("given unstructured block", "2of4"),
        ("given unstructured block n_of_m", "channel0-0.5"),
        ("given unstructured block n_of_m channel", "band-3"),
    ],
)
def test_the_canonical_pattern_is_the_first_that_is_supported(without: str, pattern: str) -> None:
    ledger = planned(requirement(patterns=(CANONICAL_PATTERN,)), it=declaration(without))
    assert axes(ledger) == [f"MASK-01/linear/{pattern}/float32/cpu"]


@pytest.mark.parametrize(
    ("without", "pattern"),
    [
        ("", "unstructured-0.5"),
        ("unstructured", "block1x4-0.5"),
        ("unstructured block", "channel0-0.5"),
        ("unstructured block channel", "given"),
        ("unstructured block channel given", "2of4"),
    ],
)
def test_the_levelled_pattern_is_the_first_supported_that_has_a_level(without: str, pattern: str) -> None:
    ledger = planned(requirement(patterns=(LEVELLED_PATTERN,)), it=declaration(without))
    assert axes(ledger) == [f"MASK-01/linear/{pattern}/float32/cpu"]


@pytest.mark.parametrize(
    ("without", "dtypes", "expected"),
    [
        ("", ("float32",), ["float32"]),
        ("float32", ("float32",), ["float64"]),
        ("float64 float32", ("float32",), ["bfloat16"]),
        ("float64 float32", ("float64",), []),
        ("float64 float32", ("float32", "float64"), ["bfloat16"]),
        ("float64 float32", ("float32", "bfloat16"), ["bfloat16"]),
        ("bfloat16", ("float32", "bfloat16"), ["float32"]),
        ("float64 float32 bfloat16 float16", ("float32", "float64"), []),
    ],
)
def test_without_float32_another_supported_dtype_is_canonical(
    without: str, dtypes: tuple[str, ...], expected: list[str]
) -> None:
    ledger = planned(requirement(dtypes=dtypes), it=declaration(without))
    assert [one.cell.dtype for one in ledger] == expected


def test_a_requirement_that_needs_float32_is_not_offered_without_it() -> None:
    needing = requirement(needs=("float32",))
    assert planned(needing, it=declaration("float32")) == ()
    assert not_offered([needing], declaration("float32"), environment()) == (needing,)


@pytest.mark.parametrize(
    ("without", "patterns"),
    [("given", ["unstructured-0.5"]), ("unstructured", ["given"]), ("given unstructured", [])],
)
@pytest.mark.parametrize("layer", ["conv1d", "conv2d", "mixed"])
def test_a_pattern_for_matrices_is_not_planned_on_a_convolution(without: str, patterns: list[str], layer: str) -> None:
    ledger = planned(requirement(layers=(layer,), patterns=("block1x4-0.5",)), it=declaration(without))
    assert axes(ledger) == [f"MASK-01/{layer}/{pattern}/float32/cpu" for pattern in patterns]


@pytest.mark.parametrize(
    ("without", "patterns"),
    [("given unstructured", ["channel0-0.5"]), ("given unstructured channel", [])],
)
def test_the_canonical_pattern_has_a_meaning_on_the_layer(without: str, patterns: list[str]) -> None:
    ledger = planned(requirement(layers=("conv2d",)), it=declaration(without))
    assert axes(ledger) == [f"MASK-01/conv2d/{pattern}/float32/cpu" for pattern in patterns]


@pytest.mark.parametrize("pattern", ["channel0-0.5", "unstructured-0.3", "given"])
def test_other_patterns_are_planned_for_convolutions(pattern: str) -> None:
    ledger = planned(requirement(layers=("conv2d",), patterns=(pattern,)))
    assert axes(ledger) == [f"MASK-01/conv2d/{pattern}/float32/cpu"]


@pytest.mark.parametrize("pattern", ["2of4", "1of4", "1of2", "band-3", "block2x2-0.3"])
def test_no_matrix_pattern_is_planned_for_convolutions(pattern: str) -> None:
    ledger = planned(requirement(layers=("conv2d",), patterns=(pattern,)), it=declaration("given"))
    assert axes(ledger) == ["MASK-01/conv2d/unstructured-0.5/float32/cpu"]


@pytest.mark.parametrize(
    ("token", "capability"),
    [("2of4", "n_of_m"), ("1of4", "any_n_of_m"), ("1of2", "any_n_of_m"), ("4of8", "any_n_of_m"), ("band-3", "band"),
     ("block1x4-0.5", "block"), ("channel0-0.5", "channel"), ("channel1-0.3", "input_channel"),
     ("given-zeros", "given")],
)
def test_a_pattern_takes_its_capability(token: str, capability: str) -> None:
    assert pattern_capability(token) == capability


@pytest.mark.parametrize("token", ["banana-3", "3band-3", "-"])
def test_an_unknown_pattern_has_no_capability(token: str) -> None:
    with pytest.raises(KeyError, match=token):
        pattern_capability(token)


def test_two_values_that_mean_the_same_are_one_cell() -> None:
    same = requirement(patterns=(CANONICAL_PATTERN, "given", "2of4"))
    assert axes(planned(same)) == ["MASK-01/linear/given/float32/cpu", "MASK-01/linear/2of4/float32/cpu"]


@pytest.mark.parametrize(
    ("fields", "without"),
    [
        ({"layers": ("conv2d",)}, "conv2d"),
        ({"layers": ("mixed",)}, "linear"),
        ({"patterns": ("block2x2-0.3",)}, "block"),
        ({"dtypes": ("float16",)}, "float16"),
        ({"needs": ("restore", "finalize")}, "finalize"),
        ({"devices": (ACCELERATOR,)}, "accelerator"),
        ({"devices": ("cpu",)}, "cpu accelerator"),
    ],
)
@pytest.mark.parametrize("devices", [("cpu",), ("cpu", "cuda")])
def test_a_cell_that_needs_what_is_unsupported_is_not_planned(
    fields: dict[str, Any], without: str, devices: tuple[str, ...]
) -> None:
    one, it = requirement(**fields), declaration(without)
    assert planned(one, it=it, devices=devices) == ()
    assert not_offered([one], it, environment(devices=devices)) == (one,)
    assert not_offered([one], declaration(), environment(devices=devices)) == ()


def refusing(*refuses: str, **fields: Any) -> Requirement:
    """Return a requirement that judges the refusal of `refuses`."""
    return requirement("REFUSE-01", refuses=refuses, layers=LAYER_KINDS, **fields)


@pytest.mark.parametrize(
    ("fields", "without", "expected"),
    [
        ({"patterns": ("canonical", "given", "band-3")}, "given", ["linear/given/float32/cpu"]),
        ({"patterns": ("canonical", "given", "band-3")}, "given band",
         ["linear/given/float32/cpu", "linear/band-3/float32/cpu"]),
        ({"patterns": ("canonical", "given", "band-3")}, "linear band", ["conv1d/band-3/float32/cpu"]),
        ({"patterns": ("canonical", "given", "band-3")}, "", []),
        ({"patterns": ("canonical", "2of4")}, "n_of_m", []),
        ({}, "conv1d", ["conv1d/given/float32/cpu"]),
        ({"needs": ("finalize",)}, "finalize", ["linear/given/float32/cpu"]),
        ({"needs": ("finalize",)}, "finalize linear conv1d", ["conv2d/given/float32/cpu"]),
        ({"needs": ("finalize", "restore")}, "finalize restore", []),
        ({"needs": ("finalize",)}, "finalize float32", ["linear/given/float64/cpu"]),
        ({"needs": ("finalize",)}, "finalize cpu", ["linear/given/float32/cuda"]),
        ({"dtypes": ("float32", "float16")}, "float32", ["linear/given/float32/cpu"]),
        ({"devices": ("cpu", ACCELERATOR)}, "accelerator", ["linear/given/float32/cuda"]),
        ({"devices": ("cpu", ACCELERATOR)}, "cpu", ["linear/given/float32/cpu"]),
    ],
)
def test_a_refusal_is_judged_once_for_each_unsupported_capability(
    fields: dict[str, Any], without: str, expected: list[str]
) -> None:
    one = refusing("given", "band", "conv1d", "finalize", "float32", "accelerator", "cpu", **fields)
    ledger = planned(one, it=declaration(without), devices=("cpu", "cuda"))
    assert axes(ledger) == [f"REFUSE-01/{cell}" for cell in expected]
    assert not_offered([one], declaration(without), environment(devices=("cpu", "cuda"))) == ()


def test_no_refusal_is_judged_of_what_is_not_yet_declared() -> None:
    capabilities = declare(set(CAPABILITIES) - {"finalize"}, ())
    ledger = planned(refusing("finalize", needs=("finalize",)), it=replace(declaration(), capabilities=capabilities))
    assert ledger == ()


BLOCK_REQUIREMENT = requirement("MASK-07", patterns=("block1x4-0.5", "block2x2-0.3", "block4x1-0.9", "block1x4-0"))
ALL_LAYERS = requirement("MASK-11", patterns=("channel0-0.5", "channel0-0.9"), layers=("linear", "conv2d", "ragged"))


def partly(without: str = "", **partial: str) -> Declaration:
    """Return a declaration that supports all but `without`, and the patterns in `partial` only in part."""
    lacking = set(without.split())
    return replace(declaration(), capabilities=declare(set(CAPABILITIES) - lacking, lacking, partial))


@pytest.mark.parametrize(
    ("it", "one", "expected"),
    [
        (partly(block="kx1"), BLOCK_REQUIREMENT,
         ["linear/block4x1-0.5", "linear/block4x1-0.9", "linear/block4x1-0"]),
        (partly(block="1xk"), BLOCK_REQUIREMENT,
         ["linear/block1x4-0.5", "linear/block1x4-0.9", "linear/block1x4-0"]),
        (partly(block="1xk kx1"), BLOCK_REQUIREMENT,
         ["linear/block1x4-0.5", "linear/block4x1-0.9", "linear/block1x4-0"]),
        (partly(channel="conv1d conv2d"), ALL_LAYERS, ["conv2d/channel0-0.5", "conv2d/channel0-0.9"]),
        (partly(channel="linear"), ALL_LAYERS,
         ["linear/channel0-0.5", "ragged/channel0-0.5", "linear/channel0-0.9"]),
        (partly(channel="conv1d"), ALL_LAYERS, []),
        (partly("given", unstructured="conv2d"), requirement(layers=("linear", "conv2d", "mixed")),
         ["linear/block1x4-0.5", "conv2d/unstructured-0.5", "mixed/channel0-0.5"]),
        (partly("given unstructured", block="kx1"), requirement(), ["linear/block4x1-0.5"]),
        (partly("unstructured", block="kx1"), requirement(patterns=(LEVELLED_PATTERN,)), ["linear/block4x1-0.5"]),
        (partly("unstructured block", channel="conv2d"), requirement(patterns=(LEVELLED_PATTERN,)), ["linear/given"]),
    ],
)
def test_only_the_supported_part_of_a_pattern_is_planned(
    it: Declaration, one: Requirement, expected: list[str]
) -> None:
    assert axes(planned(one, it=it)) == [f"{one.id}/{cell}/float32/cpu" for cell in expected]


@pytest.mark.parametrize(
    ("it", "id", "expected"),
    [
        (partly(block="kx1"), "REFUSE-15", ["linear/block1x4-0.5", "linear/block2x2-0.5"]),
        (partly(block="1xk"), "REFUSE-15", ["linear/block4x1-0.5", "linear/block2x2-0.5"]),
        (partly("linear", block="1xk kx1"), "REFUSE-15", ["embedding/block2x2-0.5"]),
        (partly(), "REFUSE-15", []),
        (partly("block"), "REFUSE-15", []),
        (partly(channel="conv1d conv2d"), "REFUSE-16", ["linear/channel0-0.5", "embedding/channel0-0.5"]),
        (partly("embedding", channel="linear", given="linear conv1d"), "REFUSE-16",
         ["conv1d/channel0-0.5", "conv2d/given", "conv2d/channel0-0.5"]),
        (partly(block="kx1", channel="conv2d"), "REFUSE-01", []),
        (partly("embedding", channel="conv2d"), "REFUSE-02", ["embedding/given"]),
    ],
)
def test_the_rest_of_a_pattern_is_refused_in_every_part(it: Declaration, id: str, expected: list[str]) -> None:
    [one] = [one for one in CATALOGUE if one.id == id]
    assert axes(planned(one, it=it)) == [f"{id}/{cell}/float32/cpu" for cell in expected]


def test_a_cell_that_takes_what_is_supported_is_judged() -> None:
    every = requirement(
        layers=("mixed",), patterns=("given",), dtypes=("float16",), devices=(ACCELERATOR,), needs=("restore",)
    )
    lacking = declaration("conv1d embedding unstructured float64 cpu finalize")
    one = planned(every, it=lacking, devices=("cpu", "cuda"))[0]
    assert (one.disposition, one.why) == ("judge", "")


def test_a_missing_accelerator_is_unavailable_by_its_name() -> None:
    ledger = planned(requirement(devices=("cpu", ACCELERATOR)))
    assert [(one.cell.device, one.disposition, one.why) for one in ledger] == [
        ("cpu", "judge", ""), ("cuda", "unavailable", "no cuda device here"),
    ]


def test_the_refusal_of_a_device_that_is_not_here_is_unavailable() -> None:
    ledger = planned(refusing("accelerator", devices=("cpu", ACCELERATOR)), it=declaration("accelerator"))
    assert [(one.cell.device, one.disposition) for one in ledger] == [("cuda", "unavailable")]


@pytest.mark.parametrize(
    ("torch", "disposition", "why"),
    [
        ("2.1.2+cpu", "unavailable", "needs torch>=2.2, this is 2.1.2+cpu"),
        ("2.2.0", "judge", ""),
        ("2.2.0+cu121", "judge", ""),
        ("2.2.0rc1", "judge", ""),
        ("2.3.0a0+gitabc", "judge", ""),
        ("2.10.0", "judge", ""),
    ],
)
def test_a_requirement_waits_for_the_torch_it_needs(torch: str, disposition: str, why: str) -> None:
    one = planned(requirement(torch=">=2.2"), torch=torch)[0]
    assert (one.disposition, one.why) == (disposition, why)


@pytest.mark.parametrize(
    ("torch", "device", "disposition"),
    [("2.1.0", "cpu", "unavailable"), ("2.1.0", "cuda", "judge"), ("2.2.0", "cpu", "judge")],
)
def test_float16_on_the_cpu_waits_for_a_torch_that_multiplies_it(torch: str, device: str, disposition: str) -> None:
    one = planned(requirement(dtypes=("float16",), devices=(device,)), torch=torch, devices=("cpu", "cuda"))[0]
    assert one.disposition == disposition


def test_a_requirement_is_not_planned_where_the_contract_gives_it_no_meaning() -> None:
    some = requirement(unless=(("score", "random"), ("score", "opaque"), ("holds", "in place")))
    assert planned(some)
    for clause in ({"score": "random"}, {"score": "opaque"}, {"holds": "in place"}):
        assert planned(some, it=declaration("", **clause)) == ()


def test_a_requirement_is_planned_only_for_its_profiles() -> None:
    structural = declaration(profile="structural")
    assert not applies(requirement(), structural)
    assert applies(requirement(profiles=("mask", "structural")), structural)
    assert not applies(requirement(profiles=("structural",)), declaration())


@pytest.mark.parametrize(
    ("devices", "token", "here"),
    [(("cpu", "cuda"), "cuda", "judge"), (("cpu",), "cuda", "unavailable"), (("cpu", "mps"), "mps", "judge")],
)
def test_a_sparsifier_for_accelerators_only_is_judged_there(devices: tuple[str, ...], token: str, here: str) -> None:
    some, both = requirement("A-01"), requirement("A-02", devices=("cpu", "accelerator"))
    ledger = planned(some, both, it=declaration("cpu"), devices=devices)
    seen = [(one.cell.requirement, one.cell.device, one.disposition) for one in ledger]
    assert seen == [("A-01", token, here), ("A-02", token, here)]


def test_nothing_is_planned_for_a_sparsifier_that_works_on_no_device() -> None:
    both = requirement("A-01", devices=("cpu", "accelerator"))
    assert planned(both, it=declaration("cpu accelerator"), devices=("cpu", "cuda")) == ()


def test_every_layer_and_pattern_in_the_catalogue_takes_known_capabilities() -> None:
    everywhere = planned(*CATALOGUE, devices=("cpu", "cuda"))
    assert {one.disposition for one in everywhere} == {"judge"}
    assert {one.cell.layer for one in everywhere} <= {
        *LAYERS, *PARAMETERS, *PROGRAMS, *RELATIONS, *STRUCTURAL_PROGRAMS, *NEIGHBOURS, *OPTIMIZERS, *LOOPS, *RUNS,
        *SCHEDULES, *COMPOSITIONS, *MODELS,
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_adapter_costs_no_more_cells_than_the_ceiling(name: str) -> None:
    found = load(next(one for one in registrations() if one.name == name))
    ledger = planned(*CATALOGUE, it=found.declaration)
    on_cpu = [one.cell for one in ledger if one.cell.device == "cpu"]
    programs = [cell.layer for cell in on_cpu if cell.requirement in ("WALK-01", "WALK-04")]
    assert 0 < len(on_cpu) - len(programs) <= CEILING
    assert len(programs) <= PROGRAM_CEILING
    steps = {name: len(one.steps) for name, one in corpus().items()}
    steps |= {name: len(one.steps) for name, one in structural_corpus().items()}
    assert sum(steps[name] for name in programs) <= STEP_CEILING
    assert [cell for cell, times in Counter(on_cpu).items() if times > 1] == []


def test_planning_takes_less_than_a_second() -> None:
    begun = time.process_time()
    assert planned(*CATALOGUE)
    assert time.process_time() - begun < 1


def test_adapters_are_shipped() -> None:
    assert "exemplar" in SHIPPED
    assert len(SHIPPED) > 1


def test_a_cell_is_planned_for_the_sparsifier_that_is_asked_about() -> None:
    only = next(cells(requirement(), declaration(name="acme"), environment()))
    assert only == Cell("acme", "MASK-01", "linear", "given", "float32", "cpu")


def test_the_refusal_of_every_capability_and_of_every_part_is_judged_by_one_requirement() -> None:
    refused = Counter(name for one in CATALOGUE for name in one.refuses)
    assert refused == Counter([*CAPABILITIES, *(f"rest of {pattern}" for pattern in PARTS)])


@pytest.mark.parametrize("name", list(CAPABILITIES))
def test_the_refusal_of_a_capability_is_planned_once(name: str) -> None:
    lacking = declaration(name)
    ledger = planned(*CATALOGUE, it=lacking, devices=("cpu", "cuda"))
    [cell] = [one.cell for one in ledger if one.cell.area == "REFUSE"]
    assert name in next(one.refuses for one in CATALOGUE if one.id == cell.requirement)
