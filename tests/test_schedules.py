"""The levels of schedules, by numbers computed by hand, and by the exemplar, which shares no code with the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from sparsecheck import Schedule
from sparsecheck.adapter.shipped.exemplar_schedule import level_at
from sparsecheck.catalogue.axes import SCHEDULES
from sparsecheck.oracle.schedules import levels
from sparsecheck.values.contract import Contract, InvalidContract
from sparsecheck.values.schedule import KINDS
from tests.samples import CONTRACT

FROM_TO = Schedule(kind="linear", initial=0.2, final=0.8, end=4)


@pytest.mark.parametrize(("schedule", "expected"), [
    (FROM_TO, [0.2, 0.35, 0.5, 0.65, 0.8, 0.8]),
    (replace(FROM_TO, begin=1, end=3), [0, 0.2, 0.5, 0.8, 0.8, 0.8]),
    (replace(FROM_TO, every=2), [0.2, 0.2, 0.5, 0.5, 0.8, 0.8]),
    (replace(FROM_TO, end=0), [0.8, 0.8]),
    (replace(FROM_TO, kind="cubic", end=2), [0.2, 0.725, 0.8, 0.8]),
    (replace(FROM_TO, kind="cosine", end=2), [0.2, 0.5, 0.8, 0.8]),
    (replace(FROM_TO, kind="exponential", end=2), [0.2, 0.6, 0.8, 0.8]),
    (replace(FROM_TO, kind="constant"), [0.8, 0.8]),
    (replace(FROM_TO, kind="steps", milestones=((0, 0.1), (2, 0.3))), [0.1, 0.1, 0.3, 0.3]),
    (replace(FROM_TO, kind="lambda", levels=(0.1, 0.7, 0.4)), [0.1, 0.7, 0.4, 0.4]),
])
def test_levels_are_those_of_the_formula(schedule: Schedule, expected: list[float]) -> None:
    assert levels(schedule, len(expected)) == pytest.approx(expected)
    assert [level_at(schedule, step) for step in range(len(expected))] == pytest.approx(expected)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_needs_the_words_of_its_name(name: str) -> None:
    word, *options = SCHEDULES[name]
    kind = next(one for one in KINDS if one == word)
    made = Schedule(kind=kind, initial=0.1, final=0.5, begin="begin" in options, end=4,
                    every=1 + ("every" in options), milestones=((0, 0.5),), levels=(0.5,))
    assert made.needs == (kind, *options)
    assert np.all(levels(made, 5) <= 0.5)


@pytest.mark.parametrize("words", ["", "sometimes", "linear linear", "linear none"])
def test_a_contract_names_known_schedules_once(words: str) -> None:
    with pytest.raises(InvalidContract, match="schedules"):
        Contract(**{**CONTRACT, "schedules": words})
