"""An expectation file is read strictly: every mistake is reported in one sentence, with its place."""

from __future__ import annotations

import os
import re
from pathlib import Path
from textwrap import dedent

import pytest

from sparsecheck.report.expectation import InvalidExpectations
from sparsecheck.report.expectation_file import parse_entries, parse_expectations, read_expectations
from tests.samples import expectation

ENTRY = """
[[defect]]
id = "wrong-output"
sparsifiers = ["it"]
requirements = ["MASK-01"]
signatures = ["output-differs: output differs.* (at most 3 of 8)"]
reason = "It is so."
"""
SIGNATURE = '"output-differs: output differs.* (at most 3 of 8)"'
OTHER = ENTRY.replace("wrong-output", "second").replace("MASK-01", "MASK-02")
OLD = """
[[known]]
sparsifiers = ["it"]
requirement = "MASK-01"
signature = "output-differs: output differs.* (at most 3 of 8)"
reason = "broken masks"
"""
AXES = 'layer = ["linear", "conv2d"]\npattern = ["given"]\ndtype = ["float32"]\ndevice = ["cpu"]\n'
CONDITIONS = 'torch = ">=2.2,<3"\nversion = "<2"\nplatform = "linux"\nuntil = ">=2"\nlink = "https://x.y/1"\n'
ALL = {
    "link": "https://x.y/1", "layer": ("linear", "conv2d"), "pattern": ("given",), "dtype": ("float32",),
    "device": ("cpu",), "torch": ">=2.2,<3", "version": "<2", "platform": "linux", "until": ">=2",
}


def test_every_key_of_a_defect_is_read() -> None:
    assert parse_expectations(ENTRY + AXES + CONDITIONS, "here") == (expectation(id="wrong-output", **ALL),)
    cells = ENTRY.replace("requirements =", "cells =")
    assert parse_expectations(cells, "here") == (
        expectation(id="wrong-output", requirements=(), cells=("MASK-01",)),
    )


def test_the_older_form_is_read_as_defects_without_an_id() -> None:
    text = OLD + AXES + CONDITIONS
    assert parse_expectations(text, "here") == (expectation(reason="broken masks", **ALL),)


def test_entries_keep_their_order_and_an_empty_file_has_none() -> None:
    entries = parse_expectations(ENTRY + OTHER, "here")
    assert [entry.id for entry in entries] == ["wrong-output", "second"]
    assert parse_expectations("# nothing is known\n", "here") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[defect]\n", "here: it is not TOML: "),
        ("\ufeff" + ENTRY, "here begins with a byte-order mark. Save it as UTF-8 without one."),
        ("[[unknown]]\n", "here: unknown table 'unknown'; entries are written [[defect]]"),
        ("".join(f"[[{name}]]\n" for name in "dbeacf"), "here: unknown table 'a'; entries"),
        ("defect = 3\n", "here: entries are written [[defect]], in double brackets"),
        (ENTRY.replace("[[defect]]", "[defect]"), "here: entries are written [[defect]], in double brackets"),
        ("known = [3]\n", "here: entries are written [[known]], in double brackets"),
        (ENTRY + OLD, "here: [[known]] and [[defect]] in one file; write all entries as [[defect]]"),
        (ENTRY + 'dtypes = ["float32"]\n', "here: entry 1 (wrong-output): unknown key 'dtypes'. Did you mean 'dtype'?"),
        (ENTRY.replace("requirements", "requirement"),
         "here: entry 1 (wrong-output): unknown key 'requirement'. [[defect]] has requirements, a list."),
        (OLD.replace("requirement", "requirements"), "here: entry 1: unknown key 'requirements'"),
        (OLD + 'id = "a"\n', "here: entry 1: unknown key 'id'"),
        (ENTRY + 'layer = "linear"\n', "here: entry 1 (wrong-output): layer is a string, expected a list of strings"),
        (ENTRY + "layer = [3]\n", "here: entry 1 (wrong-output): layer contains a number, expected strings"),
        (ENTRY + "until = 2027-01-01\n", "here: entry 1 (wrong-output): until is a date, expected a string; write a"),
        (ENTRY + "torch = 2.5\n", "here: entry 1 (wrong-output): torch is a number, expected a string"),
        (ENTRY + "platform = true\n", "here: entry 1 (wrong-output): platform is a boolean, expected a string"),
        (ENTRY + 'torch = "2.2 or later"\n',
         "here: entry 1 (wrong-output): torch = '2.2 or later' is not a version specifier; write one such as"),
        (ENTRY + 'version = "1.5"\n', "here: entry 1 (wrong-output): version = '1.5' is not a version specifier"),
        (ENTRY + 'until = "2027-01-01"\n',
         "here: entry 1 (wrong-output): until = '2027-01-01' is not a version specifier"),
        (ENTRY.replace(SIGNATURE, '"ValueError: ("'),
         "here: entry 1 (wrong-output): the pattern of 'ValueError: (' is not a regular expression: missing )"),
        (ENTRY.replace(SIGNATURE, '"a (at most 3 of 0)"'),
         "here: entry 1 (wrong-output): the bound of 'a (at most 3 of 0)' has the total 0"),
        (ENTRY.replace(SIGNATURE, '""'), "here: entry 1 (wrong-output): a signature may not be empty"),
        (ENTRY.replace(f"[{SIGNATURE}]", "[]"), "here: entry 1 (wrong-output): signatures is empty"),
        (ENTRY.replace('["MASK-01"]', "[]"), "here: entry 1 (wrong-output): requirements is empty"),
        (ENTRY.replace('["MASK-01"]', '["MASK-01", "MASK-01"]'),
         "here: entry 1 (wrong-output): requirements has 'MASK-01' twice"),
        (ENTRY.replace('["it"]', "[]"), "here: entry 1 (wrong-output): sparsifiers is empty"),
        (ENTRY.replace("MASK-01", "*"),
         "here: entry 1 (wrong-output): requirement '*' needs an axis: layer, pattern, dtype or device"),
        (ENTRY + 'cells = ["MASK-01"]\n',
         "here: entry 1 (wrong-output): cells replace requirements and axes"),
        (ENTRY.replace('requirements = ["MASK-01"]', 'cells = ["other:MASK-01"]'),
         "here: entry 1 (wrong-output): 'other:MASK-01' names 'other', which is not one of the entry's sparsifiers"),
        (ENTRY.replace('requirements = ["MASK-01"]', 'cells = ["linear/given"]'),
         "here: entry 1 (wrong-output): 'linear/given' is not REQUIREMENT/layer/pattern/dtype/device"),
        (ENTRY.replace('requirements = ["MASK-01"]', 'cells = ["*/*"]'),
         "here: entry 1 (wrong-output): '*/*' covers everything; name a requirement"),
        (ENTRY.replace("wrong-output", "Wrong Output"), "here: entry 1 (Wrong Output): id 'Wrong Output' is not a slu"),
        (ENTRY.replace("wrong-output", "\\u001b[2J"), r"here: entry 1: id '\x1b[2J' is not a slug"),
        (ENTRY.replace("wrong-output", "x" * 70 + "!"), "here: entry 1: id 'xxxxxx"),
        (ENTRY.replace("wrong-output", ""), "here: entry 1: id is empty; name the defect"),
        *((ENTRY.replace(f"{key} =", "#"), f"here: entry 1{'' if key == 'id' else ' (wrong-output)'}: {key} is missing")
          for key in ("id", "sparsifiers", "signatures", "reason")),
        (ENTRY.replace("requirements =", "#"), "here: entry 1 (wrong-output): requirements is empty"),
        (ENTRY + OTHER + "count = 3\n", "here: entry 2 (second): unknown key 'count'"),
        (ENTRY + OTHER.replace("second", "wrong-output"), "here: entries 1 and 2 are both called 'wrong-output'"),
    ],
)
def test_an_invalid_file_is_rejected_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(InvalidExpectations) as raised:
        parse_expectations(text, "here")
    assert str(raised.value).startswith(said)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "reason",
    ["UNEXPLAINED: say why", "TODO", "todo: say why it fails.", "xxx", "XXXX say it.", "It fails, TODO: why.", "tbd"],
)
@pytest.mark.parametrize("form", [(ENTRY, "It is so."), (OLD, "broken masks")])
def test_a_placeholder_is_rejected_as_a_reason(reason: str, form: tuple[str, str]) -> None:
    text = form[0].replace(form[1], reason)
    assert parse_entries(text, "here")
    with pytest.raises(InvalidExpectations, match=r"the reason is still \w+; say in a sentence why it fails"):
        parse_expectations(text, "here")


@pytest.mark.parametrize("reason", ["broken", "It fails.", "it is not right"])
def test_the_reason_of_a_defect_must_be_a_sentence(reason: str) -> None:
    with pytest.raises(InvalidExpectations, match="is not a sentence"):
        parse_expectations(ENTRY.replace("It is so.", reason), "here")


@pytest.mark.parametrize("reason", ["It is so!", "(It is so.)", "It says `so.`", "Todos are lost on restore."])
def test_a_sentence_can_end_with_a_quotation(reason: str) -> None:
    assert parse_expectations(ENTRY.replace("It is so.", reason), "here")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (OLD, OLD),
        (OLD, OLD.replace("broken", "worse")),
        (ENTRY, ENTRY.replace("wrong-output", "second")),
        (ENTRY, ENTRY.replace("wrong-output", "second").replace('["MASK-01"]', '["REG-01", "MASK-01"]')),
        (ENTRY, ENTRY.replace("wrong-output", "second").replace("MASK-01", "MASK-*")),
        (ENTRY, ENTRY.replace("wrong-output", "second").replace(f"[{SIGNATURE}]", f'["a: lost", {SIGNATURE}]')),
        (ENTRY, ENTRY.replace("wrong-output", "second").replace('["it"]', '["other", "it"]')),
        (ENTRY.replace("requirements =", "cells ="),
         ENTRY.replace("wrong-output", "second").replace("requirements =", "cells =")),
        (ENTRY, ENTRY.replace("wrong-output", "second").replace('requirements = ["MASK-01"]', 'cells = ["MASK-01/*"]')),
        (ENTRY, ENTRY.replace("wrong-output", "second").replace("of 8)", "of 8 entries)")),
        (ENTRY, ENTRY.replace("wrong-output", "second").replace(": output", ":  output ")),
        (ENTRY + 'torch = ">=2,<3"\n', ENTRY.replace("wrong-output", "second") + 'torch = "<3, >=2"\n'),
        (ENTRY + 'layer = ["linear", "conv2d"]\n',
         ENTRY.replace("wrong-output", "second") + 'layer = ["conv2d", "linear"]\n'),
    ],
)
def test_entries_that_expect_the_same_failures_are_rejected(first: str, second: str) -> None:
    with pytest.raises(InvalidExpectations, match=r"entries 1 and 2 both expect output-differs: .* in the same cells"):
        parse_expectations(first + second, "here")


@pytest.mark.parametrize(
    "second",
    [
        OTHER,
        ENTRY.replace("wrong-output", "second").replace('["it"]', '["other"]'),
        ENTRY.replace("wrong-output", "second").replace("output-differs", "mask-differs"),
        ENTRY.replace("wrong-output", "second").replace("at most 3", "at most 2"),
        ENTRY.replace("wrong-output", "second") + 'layer = ["linear"]\n',
        ENTRY.replace("wrong-output", "second") + 'torch = "<2.5"\n',
    ],
)
def test_different_entries_are_accepted(second: str) -> None:
    assert len(parse_expectations(ENTRY + second, "here")) == 2


@pytest.mark.parametrize("axis", ["layer", "pattern", "dtype", "device"])
def test_an_entry_on_every_requirement_names_any_axis(axis: str) -> None:
    [entry] = parse_expectations(ENTRY.replace("MASK-01", "*") + f'{axis} = ["a"]\n', "here")
    assert (entry.requirements, getattr(entry, axis)) == (("*",), ("a",))


def test_an_entry_needs_no_link() -> None:
    assert [entry.link for entry in parse_expectations(ENTRY, "here")] == [""]


def test_a_file_is_read_for_one_sparsifier_and_may_be_missing(tmp_path: Path) -> None:
    file = tmp_path / "a.expectations.toml"
    assert read_expectations(file, "it") == ()
    both = OTHER.replace('"it"', '"other", "it"')
    file.write_text(ENTRY + both + OTHER.replace('"it"', '"third"').replace("second", "third"), "utf-8")
    assert [entry.sparsifiers for entry in read_expectations(file, "it")] == [("it",), ("other", "it")]


INVISIBLE = "\u200b\u2060 \u3164\u3164 \u3164\u3164\u3164."


@pytest.mark.parametrize(
    "reason",
    [
        INVISIBLE, "...", "??? !!! ???.", "1 2 3.", "- - -.", "known known known.", "A B C.", "na na na.",
        "fails FAILS fails.",
    ],
)
def test_a_reason_needs_words(reason: str) -> None:
    for text in (ENTRY.replace("It is so.", reason), OLD.replace("broken masks", reason)):
        assert parse_entries(text, "here")
        with pytest.raises(InvalidExpectations, match=r"the reason .* (says nothing|is not a sentence); say"):
            parse_expectations(text, "here")


def test_a_reason_of_the_older_form_needs_words_too() -> None:
    for reason in ("broken", INVISIBLE):
        with pytest.raises(InvalidExpectations, match="says nothing; say in words why it fails"):
            parse_expectations(OLD.replace("broken masks", reason), "here")


def test_every_entry_that_is_too_broad_is_named_with_the_way_out() -> None:
    broad = ENTRY.replace(SIGNATURE, '"output-differs"') + OTHER.replace(SIGNATURE, '"RuntimeError: "')
    third = OTHER.replace("second", "third").replace("MASK-02", "MASK-03").replace("It is so.", "TODO")
    with pytest.raises(InvalidExpectations) as raised:
        parse_expectations(broad + third, "here")
    assert str(raised.value) == (
        "here: entry 1 (wrong-output): 'output-differs' explains every failure of its kind; add the message after a "
        "colon, with .* where it varies; entry 2 (second): 'RuntimeError: ' explains every failure of its kind; add "
        "the message after a colon, with .* where it varies; entry 3 (third): the reason is still TODO; say in a "
        "sentence why it fails. `sparsecheck run --ignore-expectations --report REPORT` and `sparsecheck expect REPORT "
        "--write` rewrite the signatures."
    )
    assert [entry.explains("output-differs: output differs at 3 of 8") for entry in parse_entries(broad, "here")] == [
        False, False
    ]


def test_a_pattern_that_would_hang_is_refused_with_its_entry() -> None:
    text = ENTRY.replace(SIGNATURE, "'RuntimeError: ^(a+)+$'")
    with pytest.raises(InvalidExpectations, match=r"here: entry 1 \(wrong-output\): the pattern of .* has an anchor"):
        parse_expectations(text, "here")


@pytest.mark.parametrize("kind", ["loop", "dangling", "folder", "pipe", "large", "folder of the name"])
def test_anything_else_in_the_place_of_the_file_is_an_error(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "a.expectations.toml"
    if kind == "loop":
        file.symlink_to(file)
    elif kind == "dangling":
        file.symlink_to(tmp_path / "gone")
    elif kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "large":
        file.write_text("#" * (2**20 + 1), "utf-8")
    else:
        file = tmp_path / ("x" * 300)
    with pytest.raises(InvalidExpectations, match=f"^{file} cannot be read \\(.*\\)"):
        read_expectations(file, "it")


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "b").write_text(ENTRY, "utf-8")
    file = tmp_path / "a.expectations.toml"
    file.symlink_to("b")
    assert len(read_expectations(file, "it")) == 1


def test_a_file_that_is_not_text_is_rejected_by_name(tmp_path: Path) -> None:
    file = tmp_path / "a.expectations.toml"
    file.write_bytes(ENTRY.encode("utf-16"))
    with pytest.raises(InvalidExpectations, match=f"^{file} is not UTF-8"):
        read_expectations(file, "it")


@pytest.mark.parametrize("page", ["README.md", "docs/adapters.md"])
def test_the_example_in_the_documentation_is_valid(page: str) -> None:
    text = (Path(__file__).parents[1] / page).read_text("utf-8")
    [example] = re.findall(r"```toml\n(\s*\[\[defect\]\].*?)```", text, re.DOTALL)
    [entry] = parse_expectations(dedent(example), page)
    assert (entry.id, entry.requirements) == ("load-pops-the-masks", ("STATE-05", "STATE-08"))
