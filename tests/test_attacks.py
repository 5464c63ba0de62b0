"""The attacks of tools/attack: each has the right form, and the tool tells held from broken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from tests.warm_python import warm_processes
from tools.attack import attack as reading
from tools.attack import attacking, box, judging
from tools.attack.attack import Attack, InvalidAttack, attacks, read
from tools.attack.attacking import Result, carry_out
from tools.attack.box import Box, Ended
from tools.attack.lines import LINES

RAISES = '''"""Raise in attach."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A1"
EXIT = 1
SAYS = r"it is wrong"
JUDGED = "--requirement MASK-04"


class Raises(ExemplarAdapter):
    def attach(self, model, plan, context):
        raise RuntimeError("it is wrong")
'''

CALLS = '''"""Call for help."""

LINE = "D19"
EXIT = 0
SAYS = r"PyTorch sparsifiers"


def attack(box):
    box.sparsecheck("--help")
'''


def test_every_attack_can_be_read_and_every_line_has_one() -> None:
    assert {one.line for one in attacks()} == set(LINES)


def test_attacks_are_chosen_by_name_line_and_speed() -> None:
    assert {one.line for one in attacks("A7")} == {"A7"}
    assert [one.name for one in attacks("*/empties_the_plan")] == ["moves_its_judge/empties_the_plan"]
    assert 0 < len(attacks(fast=True)) < len(attacks())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of all attacks for one test."""
    monkeypatch.setattr(reading, "FOLDER", tmp_path)
    return tmp_path


def written(folder: Path, text: str) -> Attack:
    (folder / "one.py").write_text(text, "utf-8")
    return read(folder / "one.py")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('LINE = "A1"\nEXIT = 1\nSAYS = "x"\n', "no docstring"),
        ('"""It is so."""\nEXIT = 1\nSAYS = "x"\n', "LINE is missing"),
        ('"""It is so."""\nLINE = "A1"\nEXIT = 1\n', "SAYS is missing"),
        ('"""It is so."""\nLINE = "Z9"\nEXIT = 0\n', "no line is called 'Z9'"),
        ('"""It is so."""\nLINE = "A1"\nEXIT = "1"\n', "EXIT is '1'"),
        ('"""It is so."""\nLINE = "A1"\nEXIT = 0\nBLAMES = "x"\ndef attack(box): ...\n', "for adapter attacks"),
    ],
)
def test_a_file_of_another_form_is_refused(folder: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidAttack, match=said):
        written(folder, text)


@pytest.mark.parametrize(
    ("code", "output", "problem"),
    [
        (1, "it is wrong", ""),
        (1, "something else", "no message matches"),
        (0, "it is wrong", "exit code 0, expected 1"),
        (1, "it is wrong\nTraceback (most recent call last):\n  x\nKeyError: 1", "a traceback: KeyError: 1"),
        (1, "it is wrong \x1b[2J", "control character"),
        (1, "it is wrong, it says never", "it says 'never'"),
    ],
)
def test_only_the_intended_evidence_counts(folder: Path, code: int, output: str, problem: str) -> None:
    one = replace(written(folder, RAISES), never="never")
    found = judging.problem(one, Ended(code, output), None)
    assert found.startswith(problem)
    assert bool(found) == bool(problem)


def carried_out(*every: Attack) -> list[Result]:
    with warm_processes():
        return carry_out(every, 2, False, lambda result: None)


def test_attacks_are_carried_out(folder: Path) -> None:
    """An adapter that is rejected, one that is not, one that is known not to be, and a call; and the control."""
    held = written(folder, RAISES)
    (folder / "call.py").write_text(CALLS, "utf-8")
    (folder / "harmless.py").write_text(RAISES.replace("raise RuntimeError", "str"), "utf-8")
    harmless, call = read(folder / "harmless.py"), read(folder / "call.py")
    known = replace(harmless, limit="It cannot be seen.")
    control, *results = carried_out(held, harmless, known, replace(held, limit="It cannot be seen."), call)
    assert control.outcome == "HELD"
    assert [one.outcome for one in results] == ["HELD", "BROKEN", "LIMIT", "BROKEN", "HELD"]
    assert "it is wrong" in results[0].message
    assert [one.code for one in results] == [1, 1, 1, 1, 0]


def test_an_attack_on_cells_that_a_harmless_adapter_fails_is_not_held(folder: Path) -> None:
    control, _ = carried_out(replace(written(folder, RAISES), judged="--requirement MASK-99"))
    assert control.outcome == "BROKEN"
    assert "without an attack" in control.problem


def test_one_control_judges_the_cells_of_all_attacks_with_one_kind_of_option(folder: Path) -> None:
    one = written(folder, RAISES)
    judged = ("--requirement MASK-01 --requirement MASK-04", "--requirement MASK-99", "--area SMOKE")
    wrong, selected, *_ = carried_out(*(replace(one, judged=cells) for cells in judged))
    assert wrong.attack == "(no attack) --requirement MASK-01 --requirement MASK-04 --requirement MASK-99"
    assert wrong.outcome == "BROKEN"
    assert (selected.attack, selected.outcome) == ("(no attack) --area SMOKE", "HELD")


def test_what_an_attack_leaves_is_seen(folder: Path) -> None:
    """A changed file, a temporary file, and an error of the attack itself."""
    body = "    box.sparsecheck('--help')\n    box.expect_unchanged(box.write('a', 'b'))\n"
    for name, more in (("changed", "    box.write('a', 'c')\n"), ("left", "    (box.temporary / 'a').touch()\n"),
                       ("wrong", "    raise ValueError('odd')\n"), ("right", "")):
        (folder / f"{name}.py").write_text(CALLS.replace("    box.sparsecheck(\"--help\")\n", body + more), "utf-8")
    results = {one.attack: one.problem for one in carried_out(*attacks())}
    assert results == {
        "changed": "a was changed", "left": "left in TMPDIR: a", "right": "",
        "wrong": "the attack could not be made: ValueError: odd",
    }
    assert attacking.REPORT == "out.jsonl"


def a_box(tmp_path: Path) -> Box:
    nothing_prepared: Any = None
    return Box(tmp_path / "one" / "folder", nothing_prepared)


def test_a_folder_that_the_guardian_removes_late_is_not_left_behind(tmp_path: Path) -> None:
    one = a_box(tmp_path)
    late = one.temporary / "sparsecheck-late"
    late.mkdir()
    timer = Timer(0.3, late.rmdir)
    timer.start()
    assert one.left_behind() == ""
    timer.join()


def test_a_folder_that_stays_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "CLEANED_WITHIN", 0.1)
    one = a_box(tmp_path)
    (one.temporary / "sparsecheck-stays").mkdir()
    assert one.left_behind() == "left in TMPDIR: sparsecheck-stays"
