"""Conditional miniatures are wrong under their condition, and right elsewhere."""

from __future__ import annotations

from functools import cache

import pytest

from sparsecheck import Channel
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from tests.conditional import Conditional
from tests.conditional.all import CONDITIONALS, MEASURED
from tests.conditional.scene import Scene, Seen, first_difference, look

CANONICAL = (
    Scene(steps=("update", "forward", "backward")),
    Scene("conv2d", (Channel(0.5),), steps=("update", "train")),
)
"""Small, contiguous, float32, two layers, one update."""

REFUSED = ("PassesOverNone",)
"""The miniatures that carry out a plan that must be refused."""


@cache
def _of_the_exemplar(scene: Scene) -> list[Seen]:
    return look(ExemplarAdapter(), scene)


@pytest.mark.parametrize("one", CONDITIONALS, ids=lambda one: one.name)
def test_it_is_wrong_under_its_condition(one: Conditional) -> None:
    expected = _of_the_exemplar(one.scene)
    assert expected[-1][0].endswith("raised") == (one.name in REFUSED), expected[-1]
    assert first_difference(one.adapter(), one.scene, expected), f"{one.name} is right: {one.says}"


@pytest.mark.parametrize("scene", CANONICAL, ids=lambda scene: scene.layer)
@pytest.mark.parametrize("one", CONDITIONALS, ids=lambda one: one.name)
def test_it_is_right_in_the_canonical_scene(one: Conditional, scene: Scene) -> None:
    assert not first_difference(one.adapter(), scene, _of_the_exemplar(scene))


def test_there_are_a_hundred_and_no_two_are_called_alike() -> None:
    names = {one.name for one in CONDITIONALS}
    assert len(names) == len(CONDITIONALS) >= 100
    assert names >= set(MEASURED)


def test_a_scene_is_repeatable() -> None:
    scene = Scene("conv2d", modes=("user's hooks",), steps=("update", "train", "restore", "finalize", "train"))
    assert not first_difference(ExemplarAdapter(), scene, _of_the_exemplar(scene))
