"""From the outcome of a case to the verdict of its cell: readable signatures and strict expectations."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from sparsecheck.report.verdict import said, signature, weigh
from sparsecheck.values.record import Record, Verdict
from sparsecheck.values.violation import Violation
from tests.samples import EXPECTED, WRONG, cell, expectation

FAILED = Record(cell("MASK-01"), Verdict.FAILED, WRONG, "output differs at 3 of 8")


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (Violation("mask-differs", "masks differ\nat 3"), "mask-differs: masks differ\nat 3"),
        (ValueError("\n  first\nsecond"), "ValueError: first\nsecond"),
        (KeyError("weight"), "KeyError: 'weight'"),
        (RuntimeError(), "RuntimeError: (no message)"),
        (RuntimeError(" \n"), "RuntimeError: (no message)"),
        (TypeError("<object at 0x7f239e9179c0> of 0x10 bytes"), "TypeError: <object at 0x...> of 0x10 bytes"),
        (ValueError("first \n"), "ValueError: first"),
        (ValueError("x" * 4_000), f"ValueError: {'x' * 4_000}"),
        (ValueError("x" * 4_002), f"ValueError: {'x' * 4_000} ... (2 more characters)"),
        (ValueError("half a \ud83d"), r"ValueError: half a \ud83d"),
    ],
)
def test_a_signature_is_kind_or_type_with_the_whole_message(error: Exception, seen: str) -> None:
    assert signature(error) == seen


class Unspeakable(Exception):
    """One that cannot say what is wrong."""

    def __str__(self) -> str:
        raise ValueError


def test_an_exception_whose_message_raises_has_a_signature() -> None:
    assert signature(Unspeakable()) == "Unspeakable: (its message cannot be read: ValueError)"


@pytest.mark.parametrize(
    ("length", "told"), [(10_000, "x" * 10_000), (10_002, "x" * 10_000 + " ... (2 more characters)")]
)
def test_long_messages_are_truncated(length: int, told: str) -> None:
    assert said(ValueError("x" * length)) == told


def test_a_failure_that_was_expected_is_known_with_its_reason() -> None:
    entry = expectation(link="https://x.y/1")
    assert weigh(FAILED, [entry]) == replace(
        FAILED, verdict=Verdict.KNOWN, reason="It is so.", link="https://x.y/1"
    )


def test_an_unexpected_failure_stays_a_failure() -> None:
    assert weigh(FAILED, []) is FAILED
    assert weigh(FAILED, [expectation(layer=("conv2d",))]) is FAILED


def test_a_failure_with_another_signature_stays_a_failure() -> None:
    weighed = weigh(FAILED, [expectation(signature="aliased: the masks")])
    assert weighed.verdict is Verdict.FAILED
    assert weighed.message == f"{FAILED.message} (the expected failure is 'aliased: the masks')"


def test_any_of_the_expectations_that_cover_a_cell_may_explain_it() -> None:
    weighed = weigh(FAILED, [expectation(signature="aliased: the masks"), expectation(reason="The second.")])
    assert (weighed.verdict, weighed.reason) == (Verdict.KNOWN, "The second.")


def test_the_first_of_several_unmet_expectations_is_shown() -> None:
    two = [
        expectation(signature="aliased: the masks", reason="The first."),
        expectation(signature="mask-differs: the masks"),
    ]
    assert weigh(FAILED, two).message.endswith("(the expected failure is 'aliased: the masks')")
    assert weigh(replace(FAILED, verdict=Verdict.PASSED), two).reason == "The first."


@pytest.mark.parametrize(("verdict", "by"), [(Verdict.PASSED, ""), (Verdict.REFUSED, "package")])
def test_an_expected_failure_that_passes_is_stale(verdict: Verdict, by: Any) -> None:
    weighed = weigh(Record(cell("MASK-01"), verdict, refused_by=by), [expectation()])
    assert weighed.verdict is Verdict.STALE
    assert weighed.reason == "It is so."
    assert weighed.message == (
        f"expected to fail with {EXPECTED!r}, but {verdict.value}: delete the expectation"
    )


def test_a_known_failure_carries_the_id_of_its_defect() -> None:
    assert weigh(FAILED, [expectation(id="wrong-output")]).defect == "wrong-output"


def test_a_stale_expectation_names_its_defect() -> None:
    weighed = weigh(replace(FAILED, verdict=Verdict.PASSED), [expectation(id="wrong-output")])
    assert weighed.defect == "wrong-output"
    assert weighed.message == (
        f"expected to fail with {EXPECTED!r} by defect wrong-output, but passed: remove the cell from the entry, or "
        "delete the entry"
    )


def test_a_known_defect_that_grows_is_a_failure() -> None:
    entry = expectation(id="wrong-output", signature="output-differs: output differs at .* (at most 2 of 8)")
    smaller = replace(FAILED, signature="output-differs: output differs at 2 of 8")
    assert weigh(smaller, [entry]).verdict is Verdict.KNOWN
    weighed = weigh(FAILED, [entry])
    assert weighed.verdict is Verdict.FAILED
    assert weighed.message.endswith(
        "(worse than expected: defect wrong-output explains 'output-differs: output differs at .* (at most 2 of 8)')"
    )


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.UNAVAILABLE, Verdict.NOT_RUN])
def test_a_cell_that_could_not_be_judged_is_neither_known_nor_stale(verdict: Verdict) -> None:
    record = replace(FAILED, verdict=verdict)
    assert weigh(record, [expectation()]) is record


def test_every_entry_that_covers_a_passing_cell_is_named() -> None:
    two = [expectation(id="wrong-output"), expectation(id="lost-mask", signature="mask-differs: the mask is lost")]
    weighed = weigh(replace(FAILED, verdict=Verdict.PASSED), two)
    assert "by defect wrong-output and defect lost-mask, but passed" in weighed.message


def test_a_mismatch_without_a_bound_stays_a_failure() -> None:
    """One wrong entry and a mask that is wrong everywhere have the same words."""
    weighed = weigh(FAILED, [expectation(id="wrong-output", signature="output-differs: output differs at .*")])
    assert weighed.verdict is Verdict.FAILED
    assert weighed.message.endswith(
        "(its amount is not bounded, write (at most 3 of 8): defect wrong-output explains "
        "'output-differs: output differs at .*')"
    )


def test_a_pattern_that_is_only_a_part_of_the_message_is_shown() -> None:
    lost = replace(FAILED, signature="RuntimeError: The mask was lost\nand found", message="raised RuntimeError")
    entry = expectation(id="lost-mask", signature="RuntimeError: The mask was lost")
    weighed = weigh(lost, [entry])
    assert weighed.verdict is Verdict.FAILED
    assert weighed.message.endswith(
        "(defect lost-mask expects 'RuntimeError: The mask was lost', which is only a part of the message: write .* "
        "for the rest)"
    )
    whole = expectation(id="lost-mask", signature="RuntimeError: The mask was lost.*")
    assert weigh(lost, [whole]).verdict is Verdict.KNOWN
