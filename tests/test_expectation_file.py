"""An expectation file is rewritten so that what is kept stays as it was written, comments and all."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sparsecheck.features.expect import expectation_file
from sparsecheck.features.expect.expectation_file import KEYS, rendered, rewritten
from sparsecheck.features.expect.proposal import Proposal
from sparsecheck.report.expectation import Expectation, InvalidExpectations, parse_entries

HEAD = "# What is known.\n\n"
FIRST = """# Why the first is so:
# a long story.
[[known]]  # the first
requirement = "MASK-01"
sparsifiers = [
    "it",  # and no other
]
signature = "output-differs"
reason = '''It is so.'''

"""
SECOND = """[[known]]
sparsifiers = ["it"]
requirement = "MASK-02"
signature = "mask-differs"
reason = "It is otherwise."
"""
TEXT = HEAD + FIRST + SECOND


def entry(**fields: Any) -> Expectation:
    plain = {"sparsifiers": ("it",), "requirement": "MASK-03", "reason": "New.", "signature": "aliased"}
    return Expectation(**{**plain, **fields})


def kept(text: str = TEXT) -> tuple[tuple[Expectation, ...], ...]:
    """Every entry of `text` in its own place."""
    return tuple((one,) for one in parse_entries(text, "here"))


def test_what_is_kept_stays_as_it_was_written() -> None:
    assert rewritten(TEXT, "here", Proposal(kept(), ())) == TEXT


@pytest.mark.parametrize(
    "text",
    ["\n" + TEXT, SECOND + "# the end\n", SECOND.replace('"It is otherwise."', "'''\n[[known]] is its head\n'''")],
)
def test_what_is_kept_stays_as_it_was_written_wherever_it_stands(text: str) -> None:
    assert rewritten(text, "here", Proposal(kept(text), ())) == text


def test_what_goes_takes_a_comment_on_the_first_line_along() -> None:
    assert rewritten("# So.\n" + SECOND, "here", Proposal(((),), ())) == ""


def test_what_goes_leaves_a_comment_that_stands_apart() -> None:
    assert rewritten("# So.\n\n# As it is.\n" + SECOND, "here", Proposal(((),), ())) == "# So.\n"


def test_what_would_be_read_otherwise_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectation_file, "KEYS", tuple(key for key in KEYS if key != "layer"))
    with pytest.raises(InvalidExpectations, match=r"^here: it cannot be rewritten so that it says what it is to say"):
        rewritten(TEXT, "here", Proposal(kept(), (entry(layer=("linear",)),)))


def test_entries_are_written_with_an_empty_line_between_and_no_empty_keys() -> None:
    one = """[[known]]
sparsifiers = ["it"]
requirement = "MASK-03"
signature = "aliased"
reason = "New."
"""
    assert rendered([entry(), entry()]) == one + "\n" + one
    assert 'layer = ["linear", "conv2d"]\n' in rendered([entry(layer=("linear", "conv2d"))])


def test_what_goes_takes_the_comment_above_it_along() -> None:
    assert rewritten(TEXT, "here", Proposal(((), kept()[1]), ())) == HEAD + SECOND


def test_what_goes_from_the_end_leaves_no_empty_lines() -> None:
    assert rewritten(TEXT, "here", Proposal((kept()[0], ()), ())) == HEAD + FIRST.rstrip("\n") + "\n"


def test_what_is_narrowed_keeps_the_comment_above_it() -> None:
    narrower = entry(requirement="MASK-01", signature="output-differs", layer=("linear",), reason="It is so.")
    new = rewritten(TEXT, "here", Proposal(((narrower,), kept()[1]), ()))
    comment = "".join(FIRST.splitlines(keepends=True)[:2])
    assert new == HEAD + comment + rendered([narrower]) + "\n" + SECOND


def test_what_is_added_stands_at_the_end() -> None:
    assert rewritten(TEXT, "here", Proposal(kept(), (entry(),))) == TEXT + "\n" + rendered([entry()])


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n"])
def test_a_file_without_entries_gets_its_first(text: str) -> None:
    new = rewritten(text, "here", Proposal((), (entry(),)))
    assert new == "\n\n".join(part for part in (text.strip(), rendered([entry()])) if part)


def test_a_file_whose_last_entry_goes_is_empty() -> None:
    assert rewritten(SECOND, "here", Proposal(((),), ())) == ""


@pytest.mark.parametrize(
    "text",
    [
        'known = [{sparsifiers = ["it"], requirement = "MASK-01", signature = "a", reason = "b"}]\n',
        SECOND.replace('"It is otherwise."', '"""\n[[known]]\n"""'),
        SECOND.replace('"It is otherwise."', "'''\n# not a comment\n[[known]]\n'''"),
    ],
)
def test_a_file_in_which_entries_cannot_be_told_apart_is_left_to_a_human(text: str) -> None:
    assert parse_entries(text, "here")
    with pytest.raises(InvalidExpectations, match=r"^here: it is not plain where its entries begin"):
        rewritten(text, "here", Proposal(kept(text), ()))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_file_of_either_line_ending_can_be_rewritten(newline: str) -> None:
    text = TEXT.replace("\n", newline)
    new = rewritten(text, "here", Proposal(((), kept()[1]), (entry(),)))
    assert parse_entries(new, "here") == (*kept()[1], entry())


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ['"', "\\", "a\nb", "\t\x00\x1f\x7f", "\u2028 \U0001f600 é", "# [[known]]", "'''"])
def test_every_key_of_any_text_is_read_as_it_is_written(key: str, value: str) -> None:
    if key in ("torch", "version", "until"):
        value = ">=2, <3"
    if key == "signature":
        value = "RuntimeError: " + re.escape(value)
    is_list = key in ("sparsifiers", "layer", "pattern", "dtype", "device")
    one = entry(**{key: (value, "other") if is_list else value})
    assert parse_entries(rendered([one]), "here") == (one,)


def test_every_field_of_an_entry_has_its_key() -> None:
    assert sorted(KEYS) == sorted(Expectation.__struct_fields__)
