"""Masks that remove the right units pass; for others the message names the exact mistake."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from sparsecheck.oracle import ranking, reference_tensors
from sparsecheck.oracle.ranking import Ranking
from sparsecheck.oracle.units import Mask, Reals, Units, units
from sparsecheck.values.pattern import Block, Channel, NofM, Pattern, Unstructured
from sparsecheck.values.plan import Plan
from sparsecheck.values.violation import Violation
from tests.samples import contract

WEIGHT = np.array([[0.1, -0.8, 0.3, 0.6], [-0.5, 0.2, 0.7, -0.4]])


def _mask(*rows: str) -> Mask:
    return np.array([[mark == "#" for mark in row] for row in rows])


def _cut(pattern: Pattern, shape: tuple[int, ...] = (2, 4), **clauses: str) -> Units:
    return units(pattern, shape, contract(**clauses))


def _said(call: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(Violation) as raised:
        call(*arguments)
    return str(raised.value)


# ---------------------------------------------------------------------- units


@pytest.mark.parametrize(
    ("pattern", "mask", "kept"),
    [
        (Unstructured(0.5), _mask(".##.", "#..#"), [0, 1, 1, 0, 1, 0, 0, 1]),
        (Block((1, 2), 0.5), _mask("##..", "..##"), [1, 0, 0, 1]),
        (Block((2, 1), 0.5), _mask("#..#", "#..#"), [1, 0, 0, 1]),
        (Channel(0.5, 0), _mask("....", "####"), [0, 1]),
        (Channel(0.5, 1), _mask("#..#", "#..#"), [1, 0, 0, 1]),
    ],
)
def test_units_kept_by_a_mask(pattern: Pattern, mask: Mask, kept: list[int]) -> None:
    assert ranking.kept_units(mask, _cut(pattern), "it").tolist() == [bool(one) for one in kept]


@pytest.mark.parametrize(
    ("pattern", "mask", "count", "first"),
    [
        (Block((1, 2), 0.5), _mask("#...", "..##"), "it keeps 1 of 4", "(0, 0): 1 of its 2"),
        (Block((1, 2), 0.5), _mask("##.#", "#.##"), "it keeps 2 of 4", "(0, 2): 1 of its 2"),
        (Channel(0.5, 0), _mask("####", ".###"), "it keeps 1 of 2", "(1, 0): 3 of its 4"),
        (Channel(0.5, 1), _mask("####", "###."), "it keeps 1 of 4", "(0, 3): 1 of its 2"),
    ],
)
def test_unit_kept_in_part_is_broken(pattern: Pattern, mask: Mask, count: str, first: str) -> None:
    said = _said(ranking.kept_units, mask, _cut(pattern), "it")
    assert said == f"unit-broken: {count} units in part, first the one at {first} entries"


def test_removed_entry_of_a_partial_block_is_broken() -> None:
    cut = _cut(Block((1, 3), 0.5), ragged="keep")
    assert ranking.kept_units(_mask("...#", "####"), cut, "it").tolist() == [False, True]
    said = _said(ranking.kept_units, _mask("...#", "###."), cut, "it")
    assert said == "unit-broken: it removes entries of a partial block, to be kept"


def test_prunable_partial_block_is_a_unit() -> None:
    cut = _cut(Block((2, 3), 0.5), ragged="prune")
    assert ranking.kept_units(_mask("###.", "###."), cut, "it").tolist() == [True, False]
    said = _said(ranking.kept_units, _mask("###.", "####"), cut, "it")
    assert said == "unit-broken: it keeps 1 of 2 units in part, first the one at (0, 3): 1 of its 2 entries"


# ---------------------------------------------------------------------- count


@pytest.mark.parametrize(
    ("pattern", "mask"),
    [
        (Unstructured(0.5), _mask("####", "....")),
        (Unstructured(0.0), _mask("####", "####")),
        (Unstructured(1.0), _mask("....", "....")),
        (Block((1, 2), 0.5), _mask("##..", "##..")),
        (Channel(0.5), _mask("####", "....")),
        (NofM(2, 4), _mask("##..", "#..#")),
        (NofM(1, 2), _mask("#..#", ".#.#")),
    ],
)
def test_correct_count_passes(pattern: Pattern, mask: Mask) -> None:
    ranking.assert_count(mask, _cut(pattern), "it")


@pytest.mark.parametrize(
    ("pattern", "mask", "said"),
    [
        (Unstructured(0.5), _mask("####", "#..."), "it removes 3 of 8 units, expected 4"),
        (Unstructured(0.5), _mask("###.", "...."), "it removes 5 of 8 units, expected 4"),
        (Unstructured(0.0), _mask("####", "###."), "it removes 1 of 8 units, expected 0"),
        (Block((1, 2), 0.5), _mask("##..", "...."), "it removes 3 of 4 units, expected 2"),
        (Channel(0.5), _mask("####", "####"), "it removes 0 of 2 units, expected 1"),
        (NofM(2, 4), _mask("##..", "#..."), "it removes 3 of 4 units, expected 2 (group 1; 1 of 2 groups differ)"),
        (NofM(1, 2), _mask("##..", "#..."), "it removes 0 of 2 units, expected 1 (group 0; 3 of 4 groups differ)"),
    ],
)
def test_wrong_count_is_reported(pattern: Pattern, mask: Mask, said: str) -> None:
    assert _said(ranking.assert_count, mask, _cut(pattern), "it") == f"count-differs: {said}"


def test_correct_count_with_broken_units_is_reported() -> None:
    said = _said(ranking.assert_count, _mask("#.##", ".#.."), _cut(Block((1, 2), 0.5)), "it")
    assert said.startswith("unit-broken: it keeps 2 of 4 units in part")


@pytest.mark.parametrize(("rounding", "removed"), [("half-even", 2), ("floor", 2), ("ceil", 3)])
def test_count_follows_the_declared_rounding(rounding: str, removed: int) -> None:
    cut = units(Unstructured(0.5), (1, 5), contract(rounding=rounding))
    for gone in range(6):
        mask = np.arange(5).reshape(1, 5) >= gone
        if gone == removed:
            ranking.assert_count(mask, cut, "it")
        else:
            said = _said(ranking.assert_count, mask, cut, "it")
            assert said == f"count-differs: it removes {gone} of 5 units, expected {removed}"


# ----------------------------------------------------------------------- kept


def _judge_kept(mask: Mask, pattern: Pattern, weight: Reals = WEIGHT, dtype: str = "float32", **clauses: str) -> None:
    terms = contract(**clauses)
    ranking.assert_highest_kept(mask, weight, units(pattern, weight.shape, terms), terms, dtype, "it")


def test_only_masks_with_the_highest_entries_pass() -> None:
    right = [(0, 1), (0, 3), (1, 0), (1, 2)]
    for chosen in combinations(range(8), 4):
        mask = np.isin(np.arange(8), chosen).reshape(2, 4)
        if np.argwhere(mask).tolist() == [list(place) for place in right]:
            _judge_kept(mask, Unstructured(0.5))
        else:
            assert _said(_judge_kept, mask, Unstructured(0.5)).startswith("kept-differs: it removes ")


@pytest.mark.parametrize(
    ("pattern", "mask", "count", "scores"),
    [
        (Unstructured(0.5), _mask("##..", "#.#."),
         "it removes 1 of 4", "highest removed 0.6 (unit 3), lowest kept 0.1 (unit 0)"),
        (Unstructured(0.5), _mask(".###", "..#."),
         "it removes 1 of 4", "highest removed 0.5 (unit 4), lowest kept 0.3 (unit 2)"),
        (Block((1, 2), 0.5), _mask("##..", "##.."),
         "it removes 1 of 2", "highest removed 1.1 (unit 3), lowest kept 0.7 (unit 2)"),
        (Channel(0.5, 1), _mask("##..", "##.."),
         "it removes 1 of 2", "highest removed 1 (unit 2), lowest kept 0.6 (unit 0)"),
        (NofM(2, 4), _mask(".#.#", "##.."),
         "it removes 1 of 4", "highest removed 0.7 (unit 6), lowest kept 0.2 (unit 5)"),
    ],
)
def test_wrong_kept_units_are_reported(pattern: Pattern, mask: Mask, count: str, scores: str) -> None:
    said = _said(_judge_kept, mask, pattern)
    assert said == f"kept-differs: {count} units in place of units that score lower: {scores}"


def test_the_amount_grows_with_the_number_of_wrong_units_in_all_groups() -> None:
    """A known defect is bounded by this amount: one unit that is wrong must not look like all of them."""
    weight = np.arange(1.0, 9.0).reshape(2, 4)
    one, both = _mask("#..#", "..##"), _mask("##..", "##..")
    assert _said(_judge_kept, one, NofM(2, 4), weight).startswith("kept-differs: it removes 1 of 4 units in place")
    assert _said(_judge_kept, both, NofM(2, 4), weight).startswith("kept-differs: it removes 4 of 4 units in place")
    all_but = _mask("#...", ".###")
    assert _said(_judge_kept, all_but, Unstructured(0.5), weight).startswith("kept-differs: it removes 1 of 4 units")


def test_ties_are_not_counted_as_wrong() -> None:
    weight, wrong = np.array([[0.25, 0.25], [0.25, 0.25], [0.5, 0.5], [0.4, 0.4]]), "removes 1 of 2 units in place of"
    said = _said(_judge_kept, _mask("##", "..", "..", "##"), Channel(0.5), weight)
    assert said.startswith(f"kept-differs: it {wrong} units that score lower: highest removed 1 (")
    said = _said(_judge_kept, _mask("#..#"), Unstructured(0.5), np.array([[0.5, 0.5, 0.9, 0.6]]))
    assert said.startswith(f"kept-differs: it {wrong} units that score lower: highest removed 0.9 (")


def test_correct_group_does_not_hide_a_wrong_one() -> None:
    _judge_kept(_mask(".#.#", "#.#."), NofM(2, 4))
    assert _said(_judge_kept, _mask("#.#.", "#.#."), NofM(2, 4)).startswith("kept-differs: it removes 2 of 4 units")


def test_units_are_ranked_by_the_declared_score() -> None:
    weight = np.array([[0.6, 0.6], [0.9, 0.1]])
    _judge_kept(_mask("##", ".."), Channel(0.5), weight, score="magnitude-l1")
    _judge_kept(_mask("..", "##"), Channel(0.5), weight, score="magnitude-l2")
    assert _said(lambda: _judge_kept(_mask("##", ".."), Channel(0.5), weight, score="magnitude-l2")) == (
        "kept-differs: it removes 1 of 1 units in place of units that score lower: "
        "highest removed 0.82 (unit 1), lowest kept 0.72 (unit 0)"
    )


def test_any_unit_of_equal_score_can_be_kept() -> None:
    equal = np.array([[0.5, -0.5, 0.5, 0.5]])
    for chosen in combinations(range(4), 2):
        _judge_kept(np.isin(np.arange(4), chosen)[None], Unstructured(0.5), equal)


def test_single_entries_are_compared_exactly() -> None:
    near = np.array([[0.5, np.nextafter(0.5, 1)]])
    _judge_kept(_mask(".#"), Unstructured(0.5), near)
    with pytest.raises(Violation):
        _judge_kept(_mask("#."), Unstructured(0.5), near)


def test_slack_of_each_dtype() -> None:
    assert ranking.SLACK == {"float64": 1e-12, "float32": 1e-5, "bfloat16": 2e-2, "float16": 5e-3}


@pytest.mark.parametrize(("dtype", "slack"), ranking.SLACK.items())
def test_sums_are_compared_within_the_slack_of_the_dtype(dtype: str, slack: float) -> None:
    for gap, ok in ((slack * 0.9, True), (slack * 1.2, False)):
        weight = np.array([[0.25, 0.25], [0.25, 0.25 + 0.5 * gap]])
        if ok:
            _judge_kept(_mask("##", ".."), Channel(0.5), weight, dtype)
        else:
            assert _said(_judge_kept, _mask("##", ".."), Channel(0.5), weight, dtype).startswith("kept-differs: ")


@pytest.mark.parametrize("mask", [_mask("####", "####"), _mask("....", "....")])
def test_all_or_no_units_kept_passes(mask: Mask) -> None:
    _judge_kept(mask, Unstructured(0.5))


def test_entries_outside_units_are_not_ranked() -> None:
    weight = np.array([[5.0, 5.0, 0.1], [1.0, 1.0, 0.1]])
    _judge_kept(_mask("###", "..#"), Block((1, 2), 0.5), weight, ragged="keep")
    assert _said(
        lambda: _judge_kept(_mask("..#", "###"), Block((1, 2), 0.5), weight, ragged="keep")
    ) == (
        "kept-differs: it removes 1 of 1 units in place of units that score lower: "
        "highest removed 10 (unit 0), lowest kept 2 (unit 1)"
    )


PATTERNS = (Unstructured(0.5), Block((1, 2), 0.5), Block((2, 3), 0.5), Channel(0.5), Channel(0.5, 1), NofM(1, 4))


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("ragged", ["keep", "prune"])
@pytest.mark.parametrize("score", reference_tensors.MAGNITUDES)
def test_expected_mask_of_the_oracle_passes(pattern: Pattern, ragged: str, score: str) -> None:
    terms = contract(ragged=ragged, score=score)
    mask, cut = reference_tensors.expected_mask(pattern, WEIGHT, terms), units(pattern, WEIGHT.shape, terms)
    ranking.assert_count(mask, cut, "it")
    ranking.assert_highest_kept(mask, WEIGHT, cut, terms, "float64", "it")


# ----------------------------------------------------------------------- ties


@pytest.mark.parametrize(
    ("ties", "mask"),
    [
        ("lowest index", _mask("###.", "....")), ("highest index", _mask("....", ".###")),
        ("lowest index", _mask("####", "####")), ("highest index", _mask("....", "....")),
        ("any", _mask("#.#.", "..#.")),
    ],
)
def test_declared_tie_rule_passes(ties: str, mask: Mask) -> None:
    ranking.assert_ties(mask, contract(ties=ties), "it")


@pytest.mark.parametrize(
    ("ties", "mask", "said"),
    [
        ("lowest index", _mask("....", ".###"),
         "it of equal scores keeps 3, but not those of lowest index: "
         "3 of 3 such entries are removed, first at position 0 in that order"),
        ("highest index", _mask("###.", "...."),
         "it of equal scores keeps 3, but not those of highest index: "
         "3 of 3 such entries are removed, first at position 0 in that order"),
        ("lowest index", _mask("##.#", "...."),
         "it of equal scores keeps 3, but not those of lowest index: "
         "1 of 3 such entries are removed, first at position 2 in that order"),
        ("highest index", _mask("#...", "..##"),
         "it of equal scores keeps 3, but not those of highest index: "
         "1 of 3 such entries are removed, first at position 2 in that order"),
    ],
)
def test_other_tie_rule_is_reported(ties: str, mask: Mask, said: str) -> None:
    assert _said(ranking.assert_ties, mask, contract(ties=ties), "it") == f"ties-differ: {said}"


# ------------------------------------------------------- what a level counts over


MASKS = {"a": _mask("##..", "##.."), "b": _mask("#.")}
WEIGHTS = {"a": WEIGHT, "b": np.array([[0.9, 0.05]])}


def _rankings(scope: str, masks: dict[str, Mask] = MASKS) -> list[Ranking]:
    plan = Plan({"a": Unstructured(0.5), "b": Unstructured(0.5)}, scope)  # type: ignore[arg-type]
    return list(ranking.rankings(plan, masks, WEIGHTS))


def test_scope_each_yields_one_ranking_per_parameter() -> None:
    assert [(one.names, one.description) for one in _rankings("each")] == [(("a",), "mask of a"), (("b",), "mask of b")]
    assert _rankings("each")[1].mask is MASKS["b"]


def test_scope_all_yields_one_ranking() -> None:
    [one] = _rankings("all")
    assert (one.names, one.description) == (("a", "b"), "masks of a and b together")
    assert one.mask.tolist() == [*MASKS["a"].ravel(), True, False]
    assert one.weight.tolist() == [*WEIGHT.ravel(), 0.9, 0.05]


def test_scope_all_with_one_parameter() -> None:
    [one] = ranking.rankings(Plan({"a": Channel(0.5)}, "all"), MASKS, WEIGHTS)
    assert (one.names, one.pattern) == (("a",), Channel(0.5))


@pytest.mark.parametrize("scope", ["each", "all"])
def test_missing_mask_and_wrong_shape_are_reported(scope: str) -> None:
    assert _said(_rankings, scope, {"a": MASKS["a"]}) == "mask-missing: b is planned, but masks() has no mask for it"
    said = _said(_rankings, scope, {"a": MASKS["a"].T, "b": MASKS["b"]})
    assert said == "mask-differs: mask of a has shape (4, 2), expected (2, 4)"


@pytest.mark.parametrize(
    ("clauses", "before", "removed"),
    [
        ({"level_basis": "dense"}, None, 4),
        ({"level_basis": "dense", "regrowth": "monotone"}, _mask("....", "..##"), 6),
        ({"level_basis": "dense", "regrowth": "free"}, _mask("....", "..##"), 4),
        ({"level_basis": "remaining"}, None, 4),
        ({"level_basis": "remaining"}, _mask("....", "####"), 6),
        ({"level_basis": "remaining", "masks_at": "attach"}, None, 6),
        ({"level_basis": "dense", "masks_at": "attach"}, None, 4),
    ],
)
def test_expected_units_after_an_update(clauses: dict[str, str], before: Mask | None, removed: int) -> None:
    one = Ranking(("a",), Unstructured(0.5), _mask("####", "...."), WEIGHT)
    assert ranking.expected_units(one, contract(**clauses), before).removed == (removed,)


def test_unit_broken_before_the_update_is_reported() -> None:
    one = Ranking(("a",), Block((1, 2), 0.5), _mask("####", "...."), WEIGHT)
    said = _said(ranking.expected_units, one, contract(), _mask("####", "###."))
    assert said.startswith("unit-broken: mask of a before the update keeps 1 of 4 units in part")


def test_subset_of_another_mask() -> None:
    ranking.assert_subset({"a": _mask("#..")}, {"a": _mask("##.")}, "came-back", "came back")
    said = _said(ranking.assert_subset, {"a": _mask(".##")}, {"a": _mask("#..")}, "came-back", "came back")
    assert said == "came-back: 2 of 3 entries of a, first at (0, 1), came back"
