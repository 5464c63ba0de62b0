"""Signatures: the failures that one accepts, and the cause that groups failures."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sparsecheck.oracle.compare import assert_equal
from sparsecheck.report.signature import Amount, Signature, amount, cause
from sparsecheck.report.verdict import signature
from sparsecheck.values.violation import Violation

SEEN = "mask-differs: restored: mask of layer1.weight of shape (20, 8) differs at 8 of 160 entries, first at (0, 1)"
COUNT = "count-differs: mask of layer1.weight removes 86 of 173 units, expected 80"


@pytest.mark.parametrize(
    ("expected", "seen", "matches"),
    [
        ("mask-differs", SEEN, True),
        ("mask-differs: mask of layer1.weight", SEEN, True),
        ("mask-differs: mask of layer2.weight", SEEN, False),
        ("mask-differs (at most 8 of 160 entries)", SEEN, True),
        ("mask-differs (at most 8 of 160)", SEEN, True),
        ("mask-differs (at most 7 of 160)", SEEN, False),
        ("mask-differs (at most 1 of 20)", SEEN, True),
        ("mask-differs (at most 1 of 21)", SEEN, False),
        ("mask-differs (at most 8)", SEEN, True),
        ("mask-differs (at most 7)", SEEN, False),
        ("mask-differs: mask of layer1.weight (at most 8 of 160 entries)", SEEN, True),
        ("mask-differs: mask of layer2.weight (at most 8 of 160 entries)", SEEN, False),
        ("mask-differs (at most 8 of 160)", "mask-differs: mask of layer1.weight is gone", False),
        ("count-differs (at most 6 of 173)", COUNT, True),
        ("count-differs (at most 5 of 173)", COUNT, False),
        ("aliased (at most 8 of 160)", SEEN, False),
    ],
)
def test_a_signature_is_kind_words_and_bound(expected: str, seen: str, matches: bool) -> None:
    assert Signature.parse(expected).matches(seen) is matches


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (".*", "'.*' in '.*' is not the kind of a failure"),
        ("mask differs: a", "'mask differs' in 'mask differs: a' is not the kind"),
        ("mask-differs (at most 3 of 8) ", "is not the kind of a failure"),
        ("mask-differs: .*", "matches every message; name a tensor, or write the kind alone"),
        ("mask-differs: x|", "matches every message"),
        ("mask-differs (at most 9 of 8)", "is more than its total, and so no bound"),
        ("mask-differs (at most 0 of 0)", "has the total 0"),
    ],
)
def test_a_signature_that_explains_nothing_or_everything_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
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
