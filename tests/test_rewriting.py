"""An expectation file is rewritten so that everything that is kept stays as it was written, comments and all."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from msgspec.structs import replace

from sparsecheck.features.expect import rewriting
from sparsecheck.features.expect.proposal import Proposal
from sparsecheck.features.expect.rewriting import KEYS, TomlkitMissing, rendered, rewritten
from sparsecheck.report.expectation import Expectation, InvalidExpectations
from sparsecheck.report.expectation_file import LISTS, parse_entries
from tests.samples import expectation

HEAD = "# What is known.\n\n"
FIRST = """# Why the first is so:
# a long story.
[[defect]]  # the first
requirements = ["MASK-01"]  # on this
id = "one"
sparsifiers = [
    "it",  # and no other
]
signatures = ["output-differs"]
# It was found in May.
reason = '''It is so.'''

"""
SECOND = """[[defect]]
id = "two"
sparsifiers = ["it"]
requirements = ["MASK-02"]
signatures = ["mask-differs"]
reason = "It is otherwise."
"""
TEXT = HEAD + FIRST + SECOND


def entry(**fields: Any) -> Expectation:
    return expectation(**{"id": "new", "requirement": "MASK-03", "reason": "New.", "signature": "aliased", **fields})


def kept(text: str = TEXT) -> tuple[tuple[Expectation, ...], ...]:
    """Return every entry of `text` in its own place."""
    return tuple((one,) for one in parse_entries(text, "here"))


def test_kept_entries_stay_as_they_were_written() -> None:
    assert rewritten(TEXT, "here", Proposal(kept(), ())) == TEXT


@pytest.mark.parametrize(
    "text",
    ["\n" + TEXT, SECOND + "# the end\n", SECOND.replace('"It is otherwise."', "'''\n[[defect]] is its head\n'''")],
)
def test_kept_entries_stay_unchanged_in_any_position(text: str) -> None:
    assert rewritten(text, "here", Proposal(kept(text), ())) == text


def test_a_deleted_entry_takes_a_comment_on_the_first_line_along() -> None:
    assert rewritten("# So.\n" + SECOND, "here", Proposal(((),), ())) == ""


def test_a_deleted_entry_leaves_a_separate_comment() -> None:
    assert rewritten("# So.\n\n# As it is.\n" + SECOND, "here", Proposal(((),), ())) == "# So.\n"


def test_a_file_that_would_be_read_differently_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewriting, "KEYS", tuple(key for key in KEYS if key != "layer"))
    with pytest.raises(InvalidExpectations, match=r"^here cannot be rewritten with the proposed entries"):
        rewritten(TEXT, "here", Proposal(kept(), (entry(layer=("linear",)),)))


def test_entries_are_written_with_an_empty_line_between_and_no_empty_keys() -> None:
    one = """[[defect]]
id = "new"
sparsifiers = ["it"]
requirements = ["MASK-03"]
signatures = ["aliased"]
reason = "New."
"""
    assert rendered([entry(), entry()]) == one + "\n" + one
    assert 'layer = ["linear", "conv2d"]\n' in rendered([entry(layer=("linear", "conv2d"))])


def test_a_long_list_is_spread_over_lines() -> None:
    ids = tuple(f"MASK-{number:02}" for number in range(40))
    text = rendered([entry(requirements=ids)])
    assert max(map(len, text.splitlines())) <= 120
    assert parse_entries(text, "here")[0].requirements == ids


def test_a_deleted_entry_takes_the_comment_above_it_along() -> None:
    assert rewritten(TEXT, "here", Proposal(((), kept()[1]), ())) == HEAD + SECOND


def test_a_deleted_last_entry_leaves_no_empty_lines() -> None:
    assert rewritten(TEXT, "here", Proposal((kept()[0], ()), ())) == HEAD + FIRST.rstrip("\n") + "\n"


def test_a_changed_entry_keeps_its_other_keys_and_comments() -> None:
    [[first], second] = kept()
    narrowed = replace(first, requirements=("MASK-05",), layer=("linear",))
    new = rewritten(TEXT, "here", Proposal(((narrowed,), second), ()))
    changed = FIRST.replace('"MASK-01"', '"MASK-05"').replace("so.'''\n", "so.'''\nlayer = [\"linear\"]\n")
    assert new == HEAD + changed + SECOND


def test_a_key_that_an_entry_no_longer_has_is_removed() -> None:
    [[first], second] = kept()
    narrowed = replace(first, requirements=(), cells=("MASK-01/linear", "MASK-02"))
    new = rewritten(TEXT, "here", Proposal(((narrowed,), second), ()))
    assert new.startswith(HEAD + "# Why the first is so:\n# a long story.\n[[defect]]  # the first\nid = ")
    assert "# It was found in May.\n" in new
    assert parse_entries(new, "here")[0] == narrowed


def test_the_parts_of_a_divided_entry_stay_in_its_place() -> None:
    [[first], second] = kept()
    other = replace(first, id="one-2", layer=("linear",))
    new = rewritten(TEXT, "here", Proposal(((replace(first, layer=("conv2d",)), other), second), ()))
    assert [one.id for one in parse_entries(new, "here")] == ["one", "one-2", "two"]
    assert new.endswith("\n\n" + SECOND)
    assert "\n\n\n" not in new


OLD = """# About all.

# Convolutions break.
[[known]]
sparsifiers = ["it"]
requirement = "MASK-01"  # first seen here
signature = "aliased"
reason = "It aliases # its masks"

# Here, too.
[[known]]
sparsifiers = ["it"]
requirement = "MASK-02"
signature = "aliased"
reason = "It aliases # its masks"

# This one goes.
[[known]]
sparsifiers = ["it"]
requirement = "MASK-03"
signature = "aliased"
reason = "Another."
# The end.
"""


def test_a_file_of_the_older_form_keeps_the_comments_of_its_entries() -> None:
    one = entry(requirements=("MASK-01", "MASK-02"), reason="It aliases # its masks.")
    new = rewritten(OLD, "here", Proposal(((one,), (), ()), ()))
    assert new == (
        "# About all.\n\n# Convolutions break.\n# first seen here\n# Here, too.\n"
        + rendered([one]) + "\n# The end.\n"
    )


def test_without_tomlkit_entries_can_be_added_and_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tomlkit", None)
    assert rewritten(TEXT, "here", Proposal(kept(), (entry(),))).endswith(rendered([entry()]))
    with pytest.raises(TomlkitMissing):
        rewritten(TEXT, "here", Proposal(((), kept()[1]), ()))


def test_added_entries_are_at_the_end() -> None:
    assert rewritten(TEXT, "here", Proposal(kept(), (entry(),))) == TEXT + "\n" + rendered([entry()])


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n"])
def test_a_file_without_entries_gets_its_first(text: str) -> None:
    new = rewritten(text, "here", Proposal((), (entry(),)))
    assert new == "\n\n".join(part for part in (text.strip(), rendered([entry()])) if part)


def test_a_file_without_its_last_entry_is_empty() -> None:
    assert rewritten(SECOND, "here", Proposal(((),), ())) == ""


def test_entries_in_one_array_are_left_to_a_person() -> None:
    text = 'defect = [{id = "a", sparsifiers = ["it"], requirements = ["MASK-01"], signatures = ["a"], reason = "b"}]\n'
    assert rewritten(text, "here", Proposal(kept(text), ())) == text
    with pytest.raises(InvalidExpectations, match=r"^here: the entries are in one array\. Write each as"):
        rewritten(text, "here", Proposal(((),), ()))


@pytest.mark.parametrize("reason", ['"""\n[[defect]]\n"""', "'''\n# not a comment\n[[defect]]\n'''"])
def test_a_string_that_looks_like_an_entry_is_not_one(reason: str) -> None:
    text = FIRST + SECOND.replace('"It is otherwise."', reason)
    new = rewritten(text, "here", Proposal(((), kept(text)[1]), ()))
    assert new == text.removeprefix(FIRST)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_file_of_either_line_ending_can_be_rewritten(newline: str) -> None:
    text = TEXT.replace("\n", newline)
    new = rewritten(text, "here", Proposal(((), kept()[1]), (entry(),)))
    assert parse_entries(new, "here") == (*kept()[1], entry())


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ['"', "\\", "a\nb", "\t\x00\x1f\x7f", "\u2028 \U0001f600 é", "# [[defect]]", "'''"])
def test_every_value_is_read_as_it_is_written(key: str, value: str) -> None:
    if key in ("torch", "version", "until"):
        value = ">=2, <3"
    if key == "signatures":
        value = "RuntimeError: " + re.escape(value)
    if key == "id":
        value = "a-slug"
    plain = {"requirements": ()} if key == "cells" else {}
    value = f"MASK-01/{value}" if key == "cells" else value
    is_list = key in LISTS
    one = entry(**{**plain, key: (value, f"{value}2") if is_list else value})
    assert parse_entries(rendered([one]), "here") == (one,)


def test_every_field_of_an_entry_has_its_key() -> None:
    assert sorted(KEYS) == sorted(Expectation.__struct_fields__)
