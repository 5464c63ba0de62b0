"""Signatures: the failures that one accepts, and the cause that groups failures."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sparsecheck.oracle.compare import assert_equal
from sparsecheck.report.signature import Amount, Signature, TooBroad, amount, cause
from sparsecheck.report.verdict import signature
from sparsecheck.values.violation import Violation

SEEN = "mask-differs: restored: mask of layer1.weight of shape (20, 8) differs at 8 of 160 entries, first at (0, 1)"
COUNT = "count-differs: mask of layer1.weight removes 86 of 173 units, expected 80"


MASK = r"mask-differs: .*mask of layer1\.weight of shape .*"


@pytest.mark.parametrize(
    ("expected", "seen", "matches"),
    [
        (f"{MASK} (at most 8 of 160 entries)", SEEN, True),
        (f"{MASK} (at most 8 of 160)", SEEN, True),
        (f"{MASK} (at most 7 of 160)", SEEN, False),
        (f"{MASK} (at most 1 of 20)", SEEN, True),
        (f"{MASK} (at most 1 of 21)", SEEN, False),
        (f"{MASK} (at most 8)", SEEN, True),
        (f"{MASK} (at most 7)", SEEN, False),
        (f"{MASK.replace('layer1', 'layer2')} (at most 8 of 160)", SEEN, False),
        (MASK, SEEN, False),
        ("mask-differs: mask of layer1.weight", SEEN, False),
        ("mask-differs: mask of layer1.weight is gone", "mask-differs: mask of layer1.weight is gone", True),
        ("mask-differs: mask of .* is gone", "mask-differs: mask of layer1.weight is gone", True),
        ("mask-differs: mask of .* is gone (at most 8 of 160)", "mask-differs: mask of layer1.weight is gone", False),
        ("count-differs: mask of .*, expected 80 (at most 6 of 173)", COUNT, True),
        ("count-differs: mask of .*, expected 80 (at most 5 of 173)", COUNT, False),
        (COUNT.replace(".", r"\."), COUNT, True),
        (COUNT, COUNT, False),
        ("aliased: .*mask of layer1.* (at most 8 of 160)", SEEN, False),
        ("RuntimeError: lost", "RuntimeError: lost", True),
        ("RuntimeError: lost", "RuntimeError: it is lost", False),
        ("RuntimeError: lost", "RuntimeError: lost\nand found", False),
        ("RuntimeError: lost.*found", "RuntimeError: lost\nand found", True),
        ("RuntimeError: 3 of 8 rows.*", "RuntimeError: 3 of 8 rows are lost", True),
        ("KeyError: 0", "KeyError: 0", True),
        ("KeyError: 0", "KeyError: 10", False),
        (r"AssertionError: \(no message\)", "AssertionError: (no message)", True),
        (r"AssertionError: \(no message\)", "AssertionError: ", True),
    ],
)
def test_a_signature_is_kind_whole_message_and_bound(expected: str, seen: str, matches: bool) -> None:
    assert Signature.parse(expected).matches(seen) is matches


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (".*", "'.*' in '.*' is not the kind of a failure"),
        ("mask differs: a", "'mask differs' in 'mask differs: a' is not the kind"),
        ("mask-differs (at most 3 of 8) ", "is not the kind of a failure"),
        ("mask-differs: lost (at most 9 of 8)", "is more than its total, and so no bound"),
        ("mask-differs: lost (at most 0 of 0)", "has the total 0"),
        ("mask-differs: (", "the pattern of 'mask-differs: (' is not a regular expression: missing )"),
    ],
)
def test_an_invalid_signature_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as raised:
        Signature.parse(text)
    assert not isinstance(raised.value, TooBroad)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mask-differs", "'mask-differs' explains every failure of its kind; add the message after a colon"),
        ("mask-differs (at most 3 of 8)", "explains every failure of its kind"),
        ("RuntimeError: ", "'RuntimeError: ' explains every failure of its kind"),
        ("RuntimeError:  ", "explains every failure of its kind"),
        ("mask-differs: .*", "the pattern of 'mask-differs: .*' spells out fewer than 4 letters or digits in a row"),
        ("mask-differs: x|", "spells out fewer than 4"),
        ("RuntimeError: .*T.*", "spells out fewer than 4"),
        ("RuntimeError: .*e.*a.*t.*n.*", "spells out fewer than 4"),
        ("RuntimeError: The mask was lost|.*", "spells out fewer than 4"),
        ("RuntimeError: (The mask was lost)?.*", "spells out fewer than 4"),
        ("RuntimeError: [a-z ]+", "spells out fewer than 4"),
        ("RuntimeError: ^(a+)+$", "has an anchor (^, $ or \\b); it is always matched with the whole message"),
        (r"RuntimeError: (?=lost).*", "has a construct that is not supported (assert)"),
    ],
)
def test_a_signature_that_could_hide_another_failure_is_refused(text: str, said: str) -> None:
    with pytest.raises(TooBroad, match=re.escape(said)):
        Signature.parse(text)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (SEEN, Amount(8, 160)),
        (COUNT, Amount(6, 173)),
        (COUNT.replace("expected 80", "expected 96"), Amount(10, 173)),
        ("unit-broken: it keeps 3 of 40 units in part, first the one at (0, 1): 2 of its 4 entries", Amount(3, 40)),
        ("a: 3 of 8 differ, first at (0, 1): expected 0.0, seen nan", Amount(3, 8)),
        ("a: by 0.3 of 5", None),
        ("a: layer1.weight is gone", None),
        ("8 of 160", None),
    ],
)
def test_the_amount_is_the_first_that_the_message_says(seen: str, found: Amount | None) -> None:
    assert amount(seen) == found


def test_the_comparisons_of_the_oracle_say_how_much_differs() -> None:
    """The bound of a signature rests on how messages are worded."""
    with pytest.raises(Violation) as raised:
        assert_equal(np.array([1, 0, 1, 0]), np.array([1, 1, 1, 1]), "mask-differs", "restored: mask of layer1.weight")
    assert amount(signature(raised.value)) == Amount(2, 4)
    assert "mask of layer1.weight" in signature(raised.value)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (SEEN, SEEN.replace("8 of 160", "20 of 160"), True),
        (SEEN, SEEN.replace("layer1", "block.layer2"), True),
        (SEEN, SEEN.replace("restored", "finalized"), False),
        (SEEN, SEEN.replace("mask-differs", "output-differs"), False),
        ("RuntimeError: shape '[1, 144]' is invalid", "RuntimeError: shape '[1, 36]' is invalid", True),
        ("RuntimeError: a", "RuntimeError: b", False),
        ("RuntimeError: a\nat one", "RuntimeError: a\nat two", True),
        ("RuntimeError: a", "ValueError: a", False),
        ("OSError: no /tmp/a/b", "OSError: no /home/c", True),
        (
            "refusal-unnamed: update refuses with RuntimeError: 3 rows; expected a message that names one of a.weight",
            "refusal-unnamed: attach refuses with RuntimeError: 4 rows; expected a message that names b.weight",
            True,
        ),
        ("state-dict-refused: lacks \"a.mask\", \"b.mask\".", "state-dict-refused: lacks \"c.mask\".", True),
    ],
)
def test_failures_of_one_cause_differ_in_numbers_names_and_places_alone(one: str, other: str, alike: bool) -> None:
    assert (cause(one) == cause(other)) is alike
