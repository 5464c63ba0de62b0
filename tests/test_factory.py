"""The factory makes sparsifiers that are broken under their condition and right elsewhere."""

from __future__ import annotations

import importlib
import pickle
import re
from collections import Counter
from pathlib import Path

import pytest
import torch

from sparsecheck import Adapter
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.programs.corpus import corpus
from sparsecheck.values.record import Verdict
from tests.conditional.all import CONDITIONALS
from tests.conditional.scene import look
from tools.factory import judges
from tools.factory.checking import Shows, check
from tools.factory.conditions import CONDITIONS
from tools.factory.faults import FAULTS
from tools.factory.judging import Broken, Result, everything, judge_all, miniatures
from tools.factory.page import explanation_of, explanations, interval, lines, page
from tools.factory.products import Product, product_of, products
from tools.factory.reach import RecorderAdapter, Table, cost_first, judge_program, reach_of

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


def test_a_scene_does_not_depend_on_random_numbers_drawn_before() -> None:
    scene = PRODUCTS[0].scene
    before = look(ExemplarAdapter(), scene)
    torch.rand(3)
    assert look(ExemplarAdapter(), scene) == before


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
    made = page(results, results[:1], [], len(PRODUCTS))
    assert "| programs of the corpus | 3 | 1 (33.3%) | 6.1% to 79.2% |" in made
    assert "- `ranks_coarsely__conv1d`: no program reaches it" in made


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


# ------------------------------------------------------------- the judges


@pytest.fixture(scope="module")
def reached() -> Table:
    """Return what two quick programs reach."""
    return tuple(reach_of(name) for name in ("gru unstructured", "found-005"))


def test_the_recorder_is_right_and_notes_faults_that_would_act(reached: Table) -> None:
    assert cost_first(reached, ("ranks signed weights", "gru")) == ("gru unstructured",)
    assert cost_first(reached, ("keeps the mask of before", "third update")) == ()
    assert set(cost_first(reached, ("prunes each row", "embedding"))) == {"found-005"}


def test_the_corpus_rejects_a_product_by_a_program_that_reaches_it(reached: Table) -> None:
    adapter = product_of("ranks_signed_weights__gru").adapter()
    assert judge_program(adapter, "found-005").verdict is Verdict.PASSED
    judges.know(judges.Known(programs=reached))
    try:
        assert judges.reached(adapter) == 1
        assert str(judges.by_corpus(adapter)).startswith("gru unstructured: kept-differs")
    finally:
        judges.know(judges.NOTHING_KNOWN)


def test_a_product_can_be_pickled_as_the_recorder_can() -> None:
    for work in (product_of("ranks_signed_weights__gru").work, RecorderAdapter.sparsified):
        assert pickle.loads(pickle.dumps(work)) is work


def test_the_interval_is_wilsons() -> None:
    assert interval(0, 0) == (0, 1)
    assert interval(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)


# --------------------------------------------------------------- the page

PAGE = Path(__file__).parent.parent / "docs" / "factory.md"


def test_every_survivor_on_the_page_is_a_product_and_explained() -> None:
    listed = re.findall(r"^- `(\w+)`: ", PAGE.read_text("utf-8"), re.MULTILINE)
    reasons = explanations()
    assert [name for name in listed if explanation_of(name, reasons) is None] == []
    assert {product_of(name).name for name in listed} == set(listed)
    idle = [one.reason for one in reasons if not any(one.explains(product.name) for product in PRODUCTS)]
    assert idle == [], "no product is called as these explanations say"


def test_the_page_adds_up() -> None:
    text = PAGE.read_text("utf-8")
    [(count, killed)] = re.findall(r"^\| programs of the corpus \| (\d+) \| (\d+) ", text, re.MULTILINE)
    assert int(count) - int(killed) == len(re.findall(r"^- `", text, re.MULTILINE))
    for head in ("By fault", "By condition"):
        rows = re.findall(r"\| (\d+) of (\d+) \| ", text.split(f"## {head}\n")[1].split("\n## ")[0])
        assert (sum(int(one) for one, _ in rows), sum(int(all) for _, all in rows)) == (int(killed), int(count))


def test_the_page_names_programs_and_miniatures_that_exist() -> None:
    text = PAGE.read_text("utf-8").split("## Conditional miniatures\n")[1]
    assert set(re.findall(r"(?:walk|found)-\d{3}", text)) <= set(corpus())
    rows = re.findall(r"^\| (\w+) \| ", text, re.MULTILINE)
    assert set(rows) - {"sparsifier"} <= {one.name for one in CONDITIONALS}


@pytest.mark.parametrize(("product", "program"), [
    ("ranks_coarsely__nan", "found-020"),
    ("finalizes_dense__default_float64", "found-022"),
    ("takes_the_mask_of_the_first__conv2d", "found-016"),
    ("keeps_one_more__level_near_0", "found-016"),
    ("does_not_save_the_mask__equal", "found-019"),
    ("draws_random_numbers__level_near_0", "found-016"),
    ("unfreezes__level_near_0", "found-030"),
    ("copies_are_dense__equal", "found-031"),
    ("truncates_the_level_to_tenths__linear_with_one_output", "found-015"),
    ("ranks_masked_weights__conv2d_with_one_output", "found-017"),
])
def test_products_that_survived_the_first_corpus_are_rejected(product: str, program: str) -> None:
    assert judge_program(product_of(product).adapter(), program).verdict.is_red
