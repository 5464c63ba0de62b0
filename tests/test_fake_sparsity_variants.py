"""Eleven variants of the parametrization that sparsecheck began with; ten of them passed its first four tests.

The broken ones are rejected by the requirements that they violate, and the others are accepted as declared.
"""

from __future__ import annotations

import pytest

from sparsecheck.catalogue import AREAS
from sparsecheck.catalogue import requirement as requirement_of
from sparsecheck.values.record import Verdict
from tests.bench_of_one import judge, judge_all, planned
from tests.miniatures import fake_sparsity as variants
from tests.miniatures.fake_sparsity import Fake, adapter


@pytest.mark.parametrize(
    ("variant", "requirement", "kind"),
    [
        (variants.F1, "MASK-01", "plan-not-applied"),
        (variants.F2, "MASK-01", "RuntimeError"),
        (variants.F3, "MASK-01", "weight-differs"),
        (variants.F4, "MASK-01", "weight-differs"),
        (variants.F5, "MASK-15", "gradient-missing"),
        (variants.F6, "REG-05", "mask-loose"),
        (variants.F7, "REG-05", "parameters-differ"),
        (variants.F8, "REG-11", "not-refused"),
        (variants.HalfSaved, "STATE-03", "state-dict-refused"),
    ],
)
def test_a_broken_variant_is_rejected_by_what_it_violates(variant: type[Fake], requirement: str, kind: str) -> None:
    canonical = next(judge_all(adapter(variant), requirement))
    assert canonical.verdict is Verdict.FAILED
    assert canonical.signature.startswith(kind)


@pytest.mark.parametrize(
    ("variant", "mask_storage", "kind"),
    [
        (variants.F10, "nowhere", "mask-carried"),
        (variants.F11, "model", "mask-differs"),
        (variants.F9, "model", "mask-differs"),
    ],
)
def test_masks_stored_elsewhere_than_declared_are_rejected(
    variant: type[Fake], mask_storage: str, kind: str
) -> None:
    canonical = next(judge_all(adapter(variant, mask_storage), "STATE-04"))
    assert canonical.verdict is Verdict.FAILED
    assert canonical.signature.startswith(kind)


BREAKS = ("REG-33", "REG-34")
"""Requirements that every variant violates: finalized weights are contiguous, and behind the bias."""


@pytest.mark.parametrize("requirement", BREAKS)
def test_every_variant_violates_what_is_newer_than_it(requirement: str) -> None:
    assert next(judge_all(adapter(Fake), requirement)).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    "requirement", [one.id for area in ("MASK", "REG", "STATE") for one in AREAS[area] if one.id not in BREAKS]
)
@pytest.mark.parametrize(
    ("variant", "mask_storage"),
    [(Fake, "nowhere"), (variants.F9, "nowhere"), (variants.F10, "model"), (variants.F11, "nowhere")],
)
def test_variant_with_a_true_declaration_is_accepted(
    variant: type[Fake], mask_storage: str, requirement: str
) -> None:
    one = adapter(variant, mask_storage)
    for cell in planned(one, (requirement_of(requirement),))[:1]:
        record = judge(one, cell)
        assert record.verdict in (Verdict.PASSED, Verdict.REFUSED), record.message
