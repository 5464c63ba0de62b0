"""The factory makes sparsifiers that are broken under their condition and right elsewhere."""

from __future__ import annotations

import importlib
from collections import Counter

import pytest

from sparsecheck import Adapter
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from tools.factory.checking import Shows, check
from tools.factory.conditions import CONDITIONS
from tools.factory.faults import FAULTS
from tools.factory.judging import Broken, Result, everything, judge_all, miniatures
from tools.factory.page import lines, page
from tools.factory.products import Product, products

PRODUCTS = tuple(products())


def test_names_are_unique_and_lead_to_the_adapter() -> None:
    assert len({one.name for one in PRODUCTS}) == len(PRODUCTS) == len(FAULTS) * len(CONDITIONS) > 1500
    module = importlib.import_module("tools.factory.products")
    adapter = getattr(module, PRODUCTS[0].name)
    assert issubclass(adapter, ExemplarAdapter)
    assert adapter is getattr(module, PRODUCTS[0].name)


@pytest.mark.parametrize("product", PRODUCTS[::71], ids=lambda one: one.name)
def test_most_show_and_few_are_broken_in_the_canonical_scene(product: Product) -> None:
    """`python -m tools.factory --list` checks all of them.

    After a backward pass gradients exist in the canonical scene too.
    """
    assert check(product) in (Shows.YES, Shows.NOT) or product.condition.name == "gradients exist"


def test_every_fault_and_every_condition_shows() -> None:
    row = [Product(FAULTS[0], condition) for condition in CONDITIONS]
    column = [Product(fault, CONDITIONS[1]) for fault in FAULTS]
    found = Counter(check(one) for one in (*row, *column))
    assert found[Shows.YES] > 0.9 * sum(found.values())
    assert not found[Shows.ALWAYS]


def rejects_by_name(adapter: Adapter) -> str | None:
    """Judge by the name alone, for these tests."""
    name = type(adapter).__name__
    if name.endswith("__conv2d"):
        raise RuntimeError("no such network")
    return "a statement" if name.startswith("removes") else None


def test_judging_counts_rejected_survivors_and_errors_of_the_judge() -> None:
    names = ("removes_one_more__conv1d", "ranks_coarsely__conv1d", "ranks_coarsely__conv2d")
    chosen = [one for one in everything() if one.name in names]
    results = [*judge_all(chosen, f"{__name__}:rejects_by_name", 60, 1)]
    said = "\n".join(lines(results))
    assert "rejected: 1 of 3 (33.3%)" in said
    assert "SURVIVES ranks_coarsely__conv1d" in said
    assert "ERROR ranks_coarsely__conv2d: the judge raised RuntimeError: no such network" in said
    assert "`ranks_coarsely__conv1d`" in page(results, "some:judge")


def test_a_judge_that_does_not_end_rejects() -> None:
    [result] = judge_all([next(miniatures())], f"{__name__}:never_ends", 1, 1)
    assert result == Result(result.broken, violated="does not end within 1 s")


def never_ends(adapter: Adapter) -> str | None:
    while True:
        pass


def test_miniatures_can_be_judged_too() -> None:
    first = next(miniatures())
    assert isinstance(first, Broken)
    assert isinstance(first.adapter, Adapter)
