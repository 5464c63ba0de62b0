"""What does not exist is answered with the nearest that does, and quoted in brief."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sparsecheck.cli import main
from sparsecheck.suggestions import UnknownName, nearest, quoted, shortened

CELL = "MASK-01/linear/given/float32/cpu"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("explain MASK-6", "no requirement or area is called 'MASK-6'. Did you mean 'MASK-06'?"),
        ("explain msk", "Did you mean 'MASK'?"),
        ("run exemplar --requirement mask-06", "no requirement is called 'mask-06'. Did you mean 'MASK-06'?"),
        ("run exemplar --requirement QUANT-77", "`sparsecheck explain` lists them all."),
        ("run exemplar --area MASKS", "no area is called 'MASKS'. Did you mean 'MASK'?"),
        ("run exemplar --level cor", "no level is called 'cor'. Did you mean 'core'?"),
        ("run exemplr", "no sparsifier is called 'exemplr'. Did you mean 'exemplar'?"),
        ("run exemplar --require exemplar-structral", "Did you mean 'exemplar-structural'"),
        (f"run --cell exemplr:{CELL}", "no sparsifier is called 'exemplr'. Did you mean 'exemplar'?"),
        (f"run --cell exemplar:{CELL.replace('-01', '-1')}", "no requirement is called 'MASK-1'. Did you mean"),
        (f"repro exemplr:{CELL}", "Did you mean 'exemplar'?"),
        ("bench exemplar --operation atach", "no operation is called 'atach'. Did you mean 'attach'?"),
        ("bench exemplar --size 256x265", "no size is called '256x265'. Did you mean '256x256'"),
        ("bench exemplr", "Did you mean 'exemplar'?"),
        ("states write folder exemplr", "Did you mean 'exemplar'?"),
        ("runn exemplar", "no command is called 'runn'. Did you mean 'run'?"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(arguments: str, said: str) -> None:
    ended = call(*arguments.split())
    assert ended.exit_code == 2, ended.output
    assert said in ended.output
    assert len(ended.output.splitlines()) == 1


@pytest.mark.parametrize("name", ["MASK-06", "mask-06", "STATE", "state"])
def test_explain_ignores_case(name: str) -> None:
    assert call("explain", name).exit_code == 0


def test_an_area_may_be_written_in_lower_case_and_help_lists_all() -> None:
    assert "[SMOKE|MASK|" in "".join(call("run", "--help").output.split())
    ended = call("run", "no-such", "--area", "mask")
    assert "no sparsifier is called 'no-such'" in ended.output


LONG = "x" * 10_000


@pytest.mark.parametrize(
    "arguments",
    [("explain", LONG), ("run", LONG), ("run", "--requirement", LONG), ("run", "--cell", LONG), ("run", "--area", LONG),
     ("run", "--cell", f"{LONG}:{CELL}"), ("run", "--shard", LONG), ("run", f"--{LONG}"), (LONG,), ("report", LONG),
     ("run", "--adapter", f"{LONG}.py"), ("run", "--adapter", f"{LONG}.py:Name"),
     ("run", "--pytest-args", f"'{LONG}"), ("diff", LONG, "here"),
     ("bench", "--size", LONG)],
    ids=lambda arguments: " ".join(one[:20] for one in arguments),
)
def test_a_long_argument_is_quoted_in_brief(arguments: tuple[str, ...]) -> None:
    ended = call(*arguments)
    assert ended.exit_code == 2, ended.output[:500]
    assert len(ended.output) < 1500


@pytest.mark.parametrize(
    "arguments", [("explain", "\x1b[2J"), ("run", "--\x1b[2J"), ("report", "\x1b[2J"), ("\x1b[2J",)]
)
def test_control_characters_are_escaped(arguments: tuple[str, ...]) -> None:
    ended = call(*arguments)
    assert ended.exit_code == 2
    assert "\x1b" not in ended.output
    assert "\\x1b[2J" in ended.output


def test_the_nearest_come_first_and_case_and_zeros_do_not_count() -> None:
    known = ["MASK-01", "MASK-10", "MASK-11", "STATE-01"]
    assert nearest("mask-1", known) == ["MASK-01"]
    assert nearest("MASK-010", known) == ["MASK-10"]
    assert nearest("MAKS-01", known)[0] == "MASK-01"
    assert nearest("entirely different", known) == []
    assert nearest(LONG, known) == []


def test_without_anything_near_what_there_is_is_listed_up_to_a_dozen() -> None:
    assert str(UnknownName("thing", "x", ["one", "two"])) == "no thing is called 'x'. Known names: one, two."
    assert str(UnknownName("thing", "x", map(str, range(20)))).endswith(" 11 and 8 more.")
    assert str(UnknownName("thing", "x", [])) == "no thing is called 'x'"


@pytest.mark.parametrize("width", [5, 8, 90, 91])
def test_a_shortened_text_is_as_long_as_may_be(width: int) -> None:
    text = "".join(chr(97 + at % 26) for at in range(300))
    assert len(shortened(text, width)) == width
    assert shortened(text[:width], width) == text[:width]
    assert quoted("a\u202eb") == "'a\\u202eb'"


def test_names_of_other_scripts_are_near_too(tmp_path: Path) -> None:
    assert nearest("n\N{LATIN SMALL LETTER A WITH ACUTE}me", ["name"]) == ["name"]


@pytest.mark.parametrize("group", ["states", "reference"])
def test_a_group_without_a_command_shows_its_help(group: str) -> None:
    ended = call(group)
    assert "Usage:" in ended.output
    assert "Commands:" in ended.output
