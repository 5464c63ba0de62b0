"""Values: invalid ones are rejected, with a message that names the mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import astuple

from sparsecheck.values.capability import CAPABILITIES, Capabilities, InvalidCapabilities, Support, declare
from sparsecheck.values.cell import Cell, InvalidCell
from sparsecheck.values.contract import Contract, InvalidContract
from sparsecheck.values.pattern import Band, Block, Channel, Given, InvalidPattern, NofM, Unstructured
from sparsecheck.values.plan import Plan
from sparsecheck.values.record import Footer, Header, Record, Subject, Verdict
from sparsecheck.values.selection import Selection
from tests.samples import CONTRACT, contract

MASK = np.array([[True, False], [False, True]])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Unstructured(-0.01), "from 0 to 1, not -0.01"),
        (lambda: Unstructured(1.01), "from 0 to 1, not 1.01"),
        (lambda: Unstructured(float("nan")), "from 0 to 1, not nan"),
        (lambda: Block((1, 4), 1.5), "from 0 to 1, not 1.5"),
        (lambda: Block((0, 4), 0.5), r"at least one row and one column, not \(0, 4\)"),
        (lambda: Block((4, -1), 0.5), r"at least one row and one column, not \(4, -1\)"),
        (lambda: Channel(-1.0), "from 0 to 1, not -1.0"),
        (lambda: NofM(0, 4), "0 < n <= m, not 0:4"),
        (lambda: NofM(5, 4), "0 < n <= m, not 5:4"),
        (lambda: Band(2), "odd and positive, not 2"),
        (lambda: Band(-1), "odd and positive, not -1"),
        (lambda: Given(MASK.astype(np.float32)), "boolean, not float32"),
        (lambda: Given(MASK.astype(np.int8)), "boolean, not int8"),
    ],
)
def test_invalid_patterns_are_rejected(make: Callable[[], object], said: str) -> None:
    with pytest.raises(InvalidPattern, match=said):
        make()


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_level_can_be_any_fraction(level: float) -> None:
    assert Unstructured(level).level == Block((1, 4), level).level == Channel(level, 1).level == level


def test_extreme_patterns_are_valid() -> None:
    assert (NofM(4, 4).n, Band(1).width, Block((1, 1), 0.5).shape) == (4, 1, (1, 1))
    assert Given(MASK).mask is MASK


def test_given_masks_are_compared_by_identity() -> None:
    assert len({Given(MASK), Given(MASK), Given(MASK.copy())}) == 3


def test_a_level_counts_over_each_parameter_unless_the_plan_says_otherwise() -> None:
    assert Plan({}).scope == "each"
    assert Plan({}, "all").at_level(0.5).scope == "all"


def test_a_plan_at_another_level_keeps_patterns_without_a_level() -> None:
    given = Given(MASK)
    plan = Plan({"a": Unstructured(0.5), "b": Block((2, 2), 0.5), "c": Channel(0.5, 1), "d": NofM(2, 4), "e": given})
    relevelled = plan.at_level(0.75).patterns
    assert list(relevelled.values()) == [Unstructured(0.75), Block((2, 2), 0.75), Channel(0.75, 1), NofM(2, 4), given]
    assert plan.patterns["a"] == Unstructured(0.5)


def test_a_plan_cannot_be_set_to_an_invalid_level() -> None:
    with pytest.raises(InvalidPattern, match="not 2"):
        Plan({"a": Unstructured(0.5)}).at_level(2)


def test_a_capability_is_supported_unsupported_or_undeclared() -> None:
    capabilities = declare("linear given", "conv2d")
    answers = [capabilities.support(name) for name in ("linear", "conv2d", "conv1d")]
    assert answers == [Support.SUPPORTED, Support.UNSUPPORTED, Support.UNDECLARED]
    assert capabilities.undeclared == tuple(n for n in CAPABILITIES if n not in ("linear", "given", "conv2d"))


def test_nothing_is_undeclared_once_every_capability_is_answered() -> None:
    assert declare(set(CAPABILITIES) - {"cpu"}, ["cpu"]).undeclared == ()


def test_an_unknown_capability_is_an_error() -> None:
    with pytest.raises(KeyError, match="conv9d"):
        declare("", "").support("conv9d")


@pytest.mark.parametrize(
    ("supported", "unsupported", "said"),
    [
        ("linear conv9d", "", "unknown: conv9d; known are linear"),
        ("", "conv9d", "unknown: conv9d"),
        ("linear cpu", "cpu", "both supported and unsupported: cpu"),
        (["z", "d", "b", "e"], ["a", "f", "c"], "^unknown: a, b, c, d, e, f, z; known are linear, conv1d, conv2d, "),
        ("trace tied linear cpu band", "tied trace cpu band linear", ": band, cpu, linear, tied, trace$"),
    ],
)
def test_capabilities_that_cannot_be_declared(supported: Any, unsupported: Any, said: str) -> None:
    with pytest.raises(InvalidCapabilities, match=said):
        declare(supported, unsupported)


ALL = tuple(CAPABILITIES)


@pytest.mark.parametrize(
    ("partial", "supported", "message"),
    [
        ({"banana": "kx1"}, ALL, "partial 'banana': only block, given, unstructured, channel, input_channel can be"),
        ({"n_of_m": "linear"}, ALL, "partial 'n_of_m': only block"),
        ({"block": "kx1"}, ("linear", "given"), "partial 'block': block is not among the supported capabilities"),
        ({"block": ""}, ALL, "partial 'block' names nothing; its parts are kx1, 1xk"),
        ({"block": "kx1 2x2"}, ALL, "partial 'block' names 2x2; its parts are kx1, 1xk"),
        ({"channel": "conv2d conv3d"}, ALL, "partial 'channel' names conv3d; its parts are linear, conv1d, conv2d"),
        ({"channel": "conv2d"}, ("linear", "channel"), "partial 'channel' names conv2d, not declared supported"),
        ("block", ALL, "partial is not made of words; write it as {'block': 'kx1'"),
        ({"block": ["kx1"]}, ALL, "partial is not made of words"),
        ({3: "kx1"}, ALL, "partial is not made of words"),
        ({"channel": "conv2d"}, ("linear", "conv2d", "channel"), "partial: no pattern is supported on linear, which"),
    ],
)
def test_a_part_that_a_pattern_cannot_have_is_refused(
    partial: Any, supported: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InvalidCapabilities) as caught:
        declare(supported, set(CAPABILITIES) - set(supported), partial)
    assert message in str(caught.value)


def test_only_the_declared_part_of_a_pattern_is_there() -> None:
    declared = declare(ALL, "", {"block": "kx1", "channel": "conv1d conv2d"})
    assert declared.has_block(4, 1)
    assert declared.has_block(1, 1)
    assert not declared.has_block(1, 4)
    assert not declared.has_block(2, 2)
    assert declared.has_pattern_on("channel", ["conv2d"])
    assert not declared.has_pattern_on("channel", ["linear", "conv2d"])
    assert declared.has_pattern_on("input_channel", ["linear"])
    assert declare(ALL, "").has_block(1, 4)


def test_an_unsupported_layer_is_no_rest_of_a_pattern() -> None:
    declared = declare(set(ALL) - {"embedding"}, "embedding", {"channel": "conv2d"})
    assert declared.has_pattern_on("channel", ["embedding"])


def test_capabilities_without_parts_are_read_as_before() -> None:
    old = msgspec.json.encode({"supported": ["linear"], "unsupported": []})
    assert msgspec.json.decode(old, type=Capabilities) == declare("linear", "")


@pytest.mark.parametrize("clause", list(CONTRACT))
def test_an_undefined_clause_value_is_rejected(clause: str) -> None:
    with pytest.raises(InvalidContract, match=f"clause {clause}='whatever'"):
        contract(**{clause: "whatever"})


@pytest.mark.parametrize(
    ("clause", "values"),
    [
        ("holds", ["parametrization", "buffer", "in place", "wrapper", "forward"]),
        ("rounding", ["half-even", "half-up", "floor", "ceil"]),
        ("level_basis", ["dense", "remaining"]),
        ("score", ["given", "magnitude-l1", "magnitude-l2", "position", "random", "opaque"]),
        ("masks_at", ["attach", "update"]),
        ("regrowth", ["monotone", "free"]),
        ("mask_storage", ["model", "sidecar", "both", "nowhere"]),
        ("restores_into", ["attached", "dense", "whole model"]),
        ("ragged", ["keep", "prune", "refuse"]),
        ("ties", ["any", "lowest index", "highest index"]),
        ("sizes", ["any", "multiples of 16", "multiples of 64"]),
        ("rezeroed_by", ["package", "user"]),
    ],
)
def test_a_clause_may_be_declared_in_any_way_that_is_defined(clause: str, values: list[str]) -> None:
    assert [getattr(contract(**{clause: value}), clause) for value in values] == values


def test_only_magnitude_scores_can_be_ranked() -> None:
    scores = ("given", "magnitude-l1", "magnitude-l2", "position", "random", "opaque")
    assert [score for score in scores if contract(score=score).ranks_by_magnitude] == ["magnitude-l1", "magnitude-l2"]


@pytest.mark.parametrize(("sizes", "multiple"), [("any", 1), ("multiples of 16", 16), ("multiples of 64", 64)])
def test_sizes_are_multiples_of_a_number(sizes: str, multiple: int) -> None:
    assert contract(sizes=sizes).multiple == multiple


DEFAULTS = {"sizes": "any", "names": "kept", "alone": "masked", "attaches": "in place", "trained": "weight",
            "rezeroed_by": "package", "accumulator_hooks": "kept", "parameter_order": "kept", "optimizers": "kept",
            "weight_attribute": "any", "averages": "any", "invariances": "none", "schedules": "none", "rewinds": "no",
            "pickled": "any", "threads": "any", "undone": "none"}


@pytest.mark.parametrize("words", ["", "sideways", "scaled scaled", "scaled none", "unplanned"])
def test_invariances_are_known_words_or_none(words: str) -> None:
    with pytest.raises(InvalidContract, match="clause invariances="):
        contract(invariances=words)
    assert contract(invariances="scaled renamed").declared_invariances == ("scaled", "renamed")


def test_random_numbers_may_follow_names_and_memory() -> None:
    assert contract(score="random").always_invariant == ("unplanned",)
    assert contract(score="opaque").always_invariant == ("unplanned", "renamed", "memory")


@pytest.mark.parametrize("clause", DEFAULTS)
def test_newer_clauses_default_to_what_was_demanded_before(clause: str) -> None:
    kept: dict[str, Any] = {name: value for name, value in CONTRACT.items() if name != clause}
    assert getattr(Contract(**kept), clause) == DEFAULTS[clause]


@pytest.mark.parametrize("holds", ["parametrization", "forward"])
@pytest.mark.parametrize("alone", ["masked", "dense"])
def test_a_layer_on_its_own_is_dense_where_the_forward_masks(holds: str, alone: str) -> None:
    contract = Contract(**{**CONTRACT, "holds": holds, "alone": alone})
    assert contract.is_masked_alone is (holds == "parametrization" and alone == "masked")


@pytest.mark.parametrize("clause", [clause for clause in CONTRACT if clause not in DEFAULTS])
def test_every_clause_of_a_contract_must_be_declared(clause: str) -> None:
    kept: dict[str, Any] = {name: value for name, value in CONTRACT.items() if name != clause}
    with pytest.raises(TypeError, match=clause):
        Contract(**kept)


def test_the_contract_has_the_clauses_that_are_tested_here() -> None:
    assert list(Contract.__struct_fields__) == list(CONTRACT)


def test_a_cell_is_read_back_from_its_id() -> None:
    cell = Cell("acme-magnitude", "MASK-05", "linear", "block1x4-0.5", "float32", "cpu")
    assert cell.id == "acme-magnitude:MASK-05/linear/block1x4-0.5/float32/cpu"
    assert Cell.parse(cell.id) == cell
    assert cell.axes == "MASK-05/linear/block1x4-0.5/float32/cpu"


def test_only_the_first_colon_of_a_cell_ends_its_sparsifier() -> None:
    cell = Cell.parse("it:MASK-01/linear/given/float32/cuda:0")
    assert (cell.sparsifier, cell.device) == ("it", "cuda:0")


@pytest.mark.parametrize(
    "text",
    [
        "", "it", "it:", ":MASK-01/linear/given/float32/cpu", "MASK-01/linear/given/float32/cpu",
        "it:MASK-01/linear/given/float32", "it:MASK-01/linear/given/float32/cpu/0", "it:MASK-01//given/float32/cpu",
        "it:/linear/given/float32/cpu", "it:MASK-01/linear/given/float32/",
    ],
)
def test_malformed_cell_ids_are_rejected(text: str) -> None:
    with pytest.raises(InvalidCell, match="A cell is written sparsifier:REQUIREMENT/layer/pattern/dtype/device"):
        Cell.parse(text)


def test_the_values_of_verdicts_do_not_change() -> None:
    assert [verdict.value for verdict in Verdict] == [
        "passed", "failed", "known failure", "stale expectation", "refused", "unavailable", "error", "not run",
        "provisional failure",
    ]


def test_omitted_fields_of_a_report_line_have_defaults() -> None:
    empty = ("", "", "", "", "", 0.0, "", 0, 0, 0, 0, None)
    assert astuple(Record("it", Verdict.PASSED)) == ("it", Verdict.PASSED, *empty)
    assert astuple(Subject("it")) == ("it", None, None, "", (), "", None, None, (), None)
    assert astuple(Header(3, "now", ())) == (3, "now", (), Selection(), 2, "", "", {}, "")
    assert astuple(Footer(())) == ((), "")


def test_a_record_is_written_without_default_fields() -> None:
    written = msgspec.json.encode(Record("it", Verdict.PASSED))
    assert written == b'{"kind":"cell","cell":"it","verdict":"passed"}'


def test_header_and_footer_are_recognized_by_their_kind() -> None:
    assert msgspec.json.encode(Header(3, "now", ())).startswith(b'{"kind":"header",')
    assert msgspec.json.encode(Footer(())).startswith(b'{"kind":"footer",')


def test_four_verdicts_are_red() -> None:
    red = [verdict.value for verdict in Verdict if verdict.is_red]
    assert red == ["failed", "stale expectation", "error", "not run"]
