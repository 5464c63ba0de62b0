"""No requirement changes its meaning unnoticed: its fingerprint is pinned."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from sparsecheck.catalogue import CATALOGUE
from tests.samples import requirement
from tools import fingerprints
from tools.fingerprints import Pin, current, main, pins, problems, settled

PINNED = {"A-01": Pin(1, "one"), "A-02": Pin(1, "two")}


def test_the_pins_hold() -> None:
    assert [*problems(current(), pins())] == []


def test_every_requirement_is_pinned() -> None:
    assert set(pins()) == {fingerprints.TOLERANCES, *(one.id for one in CATALOGUE)}


@pytest.mark.parametrize(
    ("now", "problem"),
    [
        ({**PINNED, "A-02": Pin(1, "other")}, "A-02 changed: if the meaning of a cell changed"),
        ({**PINNED, "A-02": Pin(2, "other")}, "A-02 is at revision 2, pinned at 1"),
        ({**PINNED, "A-03": Pin(1, "new")}, "A-03 is not pinned"),
        ({"A-01": Pin(1, "one")}, "A-02 is pinned and gone"),
    ],
)
def test_a_change_is_reported_with_the_command_that_settles_it(now: dict[str, Pin], problem: str) -> None:
    [found] = problems(now, PINNED)
    assert found.startswith(problem)
    assert "python -m tools.fingerprints --" in found


def test_a_write_settles_new_and_revised_requirements_only() -> None:
    now = {"A-01": Pin(1, "changed"), "A-02": Pin(2, "other"), "A-03": Pin(1, "new")}
    assert settled(now, PINNED, {}) == {"A-01": Pin(1, "one"), "A-02": Pin(2, "other"), "A-03": Pin(1, "new")}
    assert settled(now, PINNED, {"A-01": "renamed"})["A-01"] == Pin(1, "changed", "renamed")


def test_prose_is_no_part_of_a_fingerprint_and_data_is() -> None:
    one = requirement()
    assert fingerprints._data(one) == fingerprints._data(requirement(sentence="Other.", source="there", since=2))
    assert fingerprints._data(one) != fingerprints._data(requirement(layers=("conv2d",)))
    assert fingerprints._data(one) != fingerprints._data(requirement(level="extended"))


def test_the_layout_of_a_case_is_no_part_of_its_fingerprint() -> None:
    def one() -> int:
        """Return one."""
        return 1

    def other() -> int:
        return 1

    def changed() -> int:
        return 2

    assert fingerprints._code(one) == fingerprints._code(other) != fingerprints._code(changed)


def test_a_reason_names_requirements_and_requirements_need_a_reason() -> None:
    for arguments in (["--same", "MASK-01"], ["--because", "renamed"], ["--same", "MASK-01", "--because", " "]):
        ended = CliRunner().invoke(main, arguments)
        assert ended.exit_code == 2
        assert "--same and --because belong together" in ended.output
