"""Expected signatures are as narrow as the failures that were seen."""

from __future__ import annotations

import pytest

from sparsecheck.features.expect.narrowing import narrow
from sparsecheck.report.signature import Signature


def differs(tensor: str, wrong: int, total: int) -> str:
    return f"mask-differs: restored: mask of {tensor} of shape (2, 4) differs at {wrong} of {total} entries, first at 0"


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([differs("layer1.weight", 3, 160)], ["mask-differs: mask of layer1.weight (at most 3 of 160)"]),
        ([differs("layer1.weight", 9, 160)], ["mask-differs: mask of layer1.weight (at most 9 of 160)"]),
        ([differs("layer1.weight", 86, 173)], ["mask-differs: mask of layer1.weight (at most 94 of 173)"]),
        ([differs("layer1.weight", 160, 160)], ["mask-differs: mask of layer1.weight (at most 160 of 160)"]),
        (
            [differs("layer1.weight", 3, 160), differs("layer1.weight", 4, 320)],
            ["mask-differs: mask of layer1.weight (at most 3 of 160)"],
        ),
        (
            [differs("layer1.weight", 3, 160), differs("a.weight", 8, 8)],
            [
                "mask-differs: mask of layer1.weight (at most 3 of 160)",
                "mask-differs: mask of a.weight (at most 8 of 8)",
            ],
        ),
        (["aliased: restored and donor: model.layer1.mask shares storage"], ["aliased: model.layer1.mask"]),
        (["state-dict-refused: it lacks: \"layer1.mask\", \"layer2.mask\"."], ["state-dict-refused: layer1.mask"]),
        (["output-differs: output differs at 3 of 8 entries"], ["output-differs (at most 3 of 8)"]),
        (["cast: to torch.float64: mask of a.weight differs at 3 of 8"], ["cast: mask of a.weight (at most 3 of 8)"]),
        (["not-refused: it went through"], ["not-refused"]),
        (
            ["refusal-unnamed: it refuses with RuntimeError: 3 rows (of 4); expected a message that names a.weight"],
            [r"refusal-unnamed: RuntimeError: \d+ rows \(of \d+\)"],
        ),
        (
            ["adapter-raises: attach raises RuntimeError: no rows; look at attach, file.py:6"],
            ["adapter-raises: RuntimeError: no rows"],
        ),
        (["RuntimeError: expected 3 rows", "RuntimeError: expected 4 rows"], [r"RuntimeError: expected \d+ rows"]),
        (["RuntimeError: expected 3 rows (or 4)"], [r"RuntimeError: expected \d+ rows \(or \d+\)"]),
        (["RuntimeError: one", "RuntimeError: two"], ["RuntimeError"]),
        (["RuntimeError: "], ["RuntimeError"]),
        (["RuntimeError: weight1 is lost"], ["RuntimeError: weight1 is lost"]),
        (["RuntimeError: weight: lost"], ["RuntimeError: weight: lost"]),
        (["RuntimeError: expected 3", "RuntimeError: expected 3 rows"], [r"RuntimeError: expected \d+"]),
        (["RuntimeError:  odd", "RuntimeError:  odd"], ["RuntimeError: odd"]),
        (["RuntimeError: 3 of 8 rows"], [r"RuntimeError: \d+ of \d+ rows"]),
    ],
)
def test_a_signature_has_kind_tensor_and_amount(seen: list[str], expected: list[str]) -> None:
    found = narrow(seen)
    assert list(found) == expected
    assert all(any(Signature.parse(one).matches(signature) for one in found) for signature in seen)


def test_a_narrowed_signature_does_not_match_a_larger_failure() -> None:
    [text] = narrow([differs("layer1.weight", 3, 160)])
    expected = Signature.parse(text)
    assert not expected.matches(differs("layer1.weight", 4, 160))
    assert not expected.matches(differs("layer2.weight", 3, 160))


def test_many_tensors_share_one_signature() -> None:
    [text] = narrow([differs(f"layer{number}.weight", 1, 8) for number in range(20)])
    assert text == "mask-differs: restored: mask of layer (at most 1 of 8)"
