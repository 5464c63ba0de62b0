"""Expected signatures are as narrow as the failures that were seen."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsecheck.features.expect.narrowing import narrow
from sparsecheck.report.signature import Signature, split


def differs(tensor: str, wrong: int, total: int) -> str:
    return f"mask-differs: restored: mask of {tensor} of shape (2, 4) differs at {wrong} of {total} entries, first at 0"


ENTRIES = r"mask-differs: restored: mask of {} of shape \(\d+, \d+\) differs at \d+ of \d+ entries, first at \d+"
MASK = ENTRIES.format(r"layer1\.weight")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([differs("layer1.weight", 3, 160)], [f"{MASK} (at most 3 of 160)"]),
        ([differs("layer1.weight", 9, 160)], [f"{MASK} (at most 9 of 160)"]),
        ([differs("layer1.weight", 86, 173)], [f"{MASK} (at most 94 of 173)"]),
        ([differs("layer1.weight", 160, 160)], [f"{MASK} (at most 160 of 160)"]),
        ([differs("layer1.weight", 3, 160), differs("layer1.weight", 4, 320)], [f"{MASK} (at most 3 of 160)"]),
        (
            [differs("layer1.weight", 3, 160), differs("a.weight", 8, 8)],
            [f"{MASK} (at most 3 of 160)", ENTRIES.format(r"a\.weight") + " (at most 8 of 8)"],
        ),
        (["not-refused: it went through"], ["not-refused: it went through"]),
        (
            ["refusal-unnamed: it refuses with RuntimeError: 3 rows (of 4); expected a message that names a.weight"],
            [r"refusal-unnamed: it refuses with RuntimeError: \d+ rows \(of \d+\); expected a message that names "
             r"a\.weight"],
        ),
        (["RuntimeError: expected 3 rows", "RuntimeError: expected 4 rows"], [r"RuntimeError: expected \d+ rows"]),
        (["RuntimeError: one", "RuntimeError: two"], ["RuntimeError: one", "RuntimeError: two"]),
        (["RuntimeError: "], [r"RuntimeError: \(no message\)"]),
        (["RuntimeError: (no message)"], [r"RuntimeError: \(no message\)"]),
        (["RuntimeError: weight12 is lost"], ["RuntimeError: weight12 is lost"]),
        (["RuntimeError: weight.12: lost"], [r"RuntimeError: weight\.12: lost"]),
        (["RuntimeError: 0x... is BFloat16"], [r"RuntimeError: 0x\.\.\. is BFloat16"]),
        (
            ["RuntimeError: expected 3", "RuntimeError: expected 3 rows"],
            [r"RuntimeError: expected \d+", r"RuntimeError: expected \d+ rows"],
        ),
        (["RuntimeError: seen -0.5, 1e-05 and -3"], [r"RuntimeError: seen -?\d[-+.\de]*, -?\d[-+.\de]* and -\d+"]),
        (["RuntimeError: 3 of 8 rows"], [r"RuntimeError: \d+ of \d+ rows"]),
        (["KeyError: 3", "KeyError: 4"], ["KeyError: 3", "KeyError: 4"]),
        (['OSError: no "/home/a b/c", nor /tmp/d/e.py:3'], [r'OSError: no "\S+ b/c", nor \S+']),
        (["RuntimeError: lost\n(at most 3 of 8)"], ["RuntimeError: lost\n\\(at most \\d+ of \\d+\\)"]),
    ],
)
def test_a_signature_has_the_whole_message_and_the_amount(seen: list[str], expected: list[str]) -> None:
    found = narrow(seen)
    assert list(found) == expected
    assert all(any(Signature.parse(one).matches(signature) for one in found) for signature in seen)


def test_a_narrowed_signature_does_not_match_a_larger_failure() -> None:
    [text] = narrow([differs("layer1.weight", 3, 160)])
    expected = Signature.parse(text)
    assert not expected.matches(differs("layer1.weight", 4, 160))
    assert not expected.matches(differs("layer2.weight", 3, 160))


def test_every_tensor_has_a_signature() -> None:
    assert len(narrow([differs(f"layer{number}.weight", 1, 8) for number in range(20)])) == 20


def test_two_messages_never_make_their_common_beginning_a_signature() -> None:
    two = ["RuntimeError: Tensor sizes clash", "RuntimeError: The mask was lost"]
    expected = [Signature.parse(one) for one in narrow(two)]
    assert not any(one.matches("RuntimeError: Too late") for one in expected)


def test_a_long_message_is_shortened_but_not_to_less_than_its_beginning() -> None:
    long = "Unsupported: " + "the function is skipped, " * 100
    [text] = narrow([long])
    assert len(text) < 500
    expected = Signature.parse(text)
    assert expected.matches(long)
    assert not expected.matches(long.replace("Unsupported: the", "Unsupported: a"))


_WORD = st.sampled_from(["mask", "of", "layer1.weight", "lost", "(", "a|b", "^", "3", "-0.5", "1 of 4", "T", "\n"])
_MESSAGE = st.lists(_WORD, max_size=6).map(lambda words: " ".join(words).strip())
_SEEN = st.tuples(st.sampled_from(["RuntimeError", "mask-differs"]), _MESSAGE).map(": ".join)


def words(seen: str) -> str:
    """Return a failure without its numbers."""
    return re.sub(r"(?<![\w.])-?\d[\d.]*", "#", ": ".join(split(seen)))


@settings(derandomize=True, database=None, deadline=None, max_examples=500)
@given(st.lists(_SEEN, min_size=1, max_size=4), _SEEN)
def test_the_signatures_match_what_they_were_made_of_and_no_other_words(seen: list[str], other: str) -> None:
    expected = [Signature.parse(one) for one in narrow(seen)]
    assert all(any(one.matches(signature) for one in expected) for signature in seen)
    if words(other) not in set(map(words, seen)):
        assert not any(one.matches(other) for one in expected)
