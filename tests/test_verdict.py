"""From the outcome of a case to the verdict of its cell: readable signatures and strict expectations."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from sparsecheck.report.verdict import said, signature, weigh
from sparsecheck.values.record import Record, Verdict
from sparsecheck.values.violation import Violation
from tests.samples import cell, expectation

FAILED = Record(cell("MASK-01"), Verdict.FAILED, "output-differs: output differs at 3 of 8", "output differs at 3 of 8")


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (Violation("mask-differs", "masks differ\nat 3"), "mask-differs: masks differ"),
        (ValueError("\n  first\nsecond"), "ValueError: first"),
        (KeyError("weight"), "KeyError: 'weight'"),
        (RuntimeError(), "RuntimeError: "),
        (TypeError("<object at 0x7f239e9179c0> of 0x10 bytes"), "TypeError: <object at 0x...> of 0x10 bytes"),
        (ValueError("first \n"), "ValueError: first"),
        (ValueError("x" * 501), f"ValueError: {'x' * 500}"),
        (ValueError("half a \ud83d"), r"ValueError: half a \ud83d"),
    ],
)
def test_a_signature_is_kind_or_type_with_the_first_line(error: Exception, seen: str) -> None:
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
    weighed = weigh(FAILED, [expectation(signature="aliased")])
    assert weighed.verdict is Verdict.FAILED
    assert weighed.message == f"{FAILED.message} (the expected failure is 'aliased')"


def test_any_of_the_expectations_that_cover_a_cell_may_explain_it() -> None:
    weighed = weigh(FAILED, [expectation(signature="aliased"), expectation(reason="The second.")])
    assert (weighed.verdict, weighed.reason) == (Verdict.KNOWN, "The second.")


def test_the_first_of_several_unmet_expectations_is_shown() -> None:
    two = [expectation(signature="aliased", reason="The first."), expectation(signature="mask-differs")]
    assert weigh(FAILED, two).message.endswith("(the expected failure is 'aliased')")
    assert weigh(replace(FAILED, verdict=Verdict.PASSED), two).reason == "The first."


@pytest.mark.parametrize(("verdict", "by"), [(Verdict.PASSED, ""), (Verdict.REFUSED, "package")])
def test_an_expected_failure_that_passes_is_stale(verdict: Verdict, by: Any) -> None:
    weighed = weigh(Record(cell("MASK-01"), verdict, refused_by=by), [expectation()])
    assert weighed.verdict is Verdict.STALE
    assert weighed.reason == "It is so."
    assert weighed.message == (
        f"expected to fail with 'output-differs', but {verdict.value}: delete the expectation"
    )


def test_a_known_failure_carries_the_id_of_its_defect() -> None:
    assert weigh(FAILED, [expectation(id="wrong-output")]).defect == "wrong-output"


def test_a_stale_expectation_names_its_defect() -> None:
    weighed = weigh(replace(FAILED, verdict=Verdict.PASSED), [expectation(id="wrong-output")])
    assert weighed.defect == "wrong-output"
    assert weighed.message == (
        "expected to fail with 'output-differs' by defect wrong-output, but passed: remove the cell from the entry, or "
        "delete the entry"
    )


def test_a_known_defect_that_grows_is_a_failure() -> None:
    entry = expectation(id="wrong-output", signature="output-differs (at most 2 of 8)")
    smaller = replace(FAILED, signature="output-differs: output differs at 2 of 8")
    assert weigh(smaller, [entry]).verdict is Verdict.KNOWN
    weighed = weigh(FAILED, [entry])
    assert weighed.verdict is Verdict.FAILED
    assert weighed.message.endswith(
        "(worse than expected: defect wrong-output explains 'output-differs (at most 2 of 8)')"
    )


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.UNAVAILABLE, Verdict.NOT_RUN])
def test_a_cell_that_could_not_be_judged_is_neither_known_nor_stale(verdict: Verdict) -> None:
    record = replace(FAILED, verdict=verdict)
    assert weigh(record, [expectation()]) is record
