"""Patterns of messages match as regular expressions do, but always whole messages, and in linear time."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsecheck.report.pattern import Pattern, UnsupportedPattern

_DETERMINISTIC = settings(derandomize=True, database=None, deadline=None, max_examples=300)
_TEXTS = st.text("abc1 .\n", max_size=6)
_ATOMS = st.sampled_from(["a", "bc", r"\.", ".", "[ab]", "[^a]", r"\d", r"\W", r"\s", "[a-c1]", r"[^\d]", r"[\w-]"])
_SUFFIXES = ("*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?", "+?")
_PATTERNS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda those: f"({'|'.join(those)})"),
        st.tuples(inner, st.sampled_from(_SUFFIXES)).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    ),
    max_leaves=8,
)


@_DETERMINISTIC
@given(_PATTERNS, _TEXTS)
def test_a_pattern_matches_what_re_matches_in_full(text: str, message: str) -> None:
    assert Pattern(text).matches(message) is (re.fullmatch(text, message, re.DOTALL) is not None)


@_DETERMINISTIC
@given(_PATTERNS, st.text(st.characters(), max_size=4))
def test_any_character_is_classified_as_re_classifies_it(text: str, message: str) -> None:
    assert Pattern(text).matches(message) is (re.fullmatch(text, message, re.DOTALL) is not None)


@pytest.mark.parametrize(
    "text", ["(a+)+", "(a|a)*", "(a|ab)*c", ".*.*.*.*.*.*.*x", "(.*a){40}b", "(.*[ab].{400}|.*[ac].{400})x"]
)
def test_no_pattern_takes_long(text: str) -> None:
    """Each of these takes `re` years on such a message, or would if it were as long."""
    started = time.process_time()
    assert not Pattern(text).matches("ac" + "a" * 4_000 + "d")
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("", 0), ("mask", 4), ("a b, c", 3), ("mask.*", 4), (".*ma.*sk.*", 2), ("[m][a][s][k]", 4), ("[ma]{9}", 0),
        ("(mask)?", 0), ("(mask)*", 0), ("(mask)+.", 4), ("(?:ab){2}.", 2), ("a{4}.", 1), ("(mask|.*)", 0),
        ("(?:th|he|in){2}", 2), ("(th|he)(in|er)", 2),
        ("(mask|ok).*", 2), (".*(mask|lost)s.*", 4), (r"\d+ rows", 4), (r"12\d", 2), ("(a.|bc)mask", 4),
        ("....", 0), (r"\.\.\.\.", 0), ("ma(.)sk", 2), ("x(y.z)w", 2),
    ],
)
def test_the_letters_that_every_match_contains_are_counted(text: str, spelled: int) -> None:
    assert Pattern(text).spelled == spelled


@pytest.mark.parametrize(("text", "is_literal"), [("a b", True), (r"a\.b", True), ("a.b", False), ("(a)", False)])
def test_a_pattern_without_wildcards_is_literal(text: str, is_literal: bool) -> None:
    assert Pattern(text).is_literal is is_literal


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("^mask", "has an anchor"), ("mask$", "has an anchor"), (r"\bmask", "has an anchor"),
        ("(?=mask)", "not supported (assert)"), (r"(a)\1", "not supported (groupref)"), ("(?i)mask", "sets a flag"),
        ("(?i:mask)", "not supported (subpattern)"), ("x" * 2_001, "is longer than 2000 characters"),
        ("(a{50}){50}", "has more than 2000 parts"), ("a{99999}", "has more than 2000 parts"),
        ("(" * 60 + ")" * 60, "is nested too deeply"), ("(" * 900 + ")" * 900, "is nested too deeply"),
    ],
)
def test_unsupported_constructs_are_refused(text: str, said: str) -> None:
    with pytest.raises(UnsupportedPattern, match=re.escape(said)):
        Pattern(text)


@pytest.mark.parametrize("text", ["(", "[a", "a{2,1}", "*", "a**", "a{99999999999999999999}"])
def test_a_pattern_must_be_a_regular_expression(text: str) -> None:
    with pytest.raises(ValueError, match="is not a regular expression") as raised:
        Pattern(text)
    assert not isinstance(raised.value, UnsupportedPattern)
