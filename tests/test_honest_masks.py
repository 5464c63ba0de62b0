"""Masks may be made and stored in different ways; only a false declaration of the way is a failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import msgspec
import pytest
from msgspec.structs import replace

from sparsecheck import Adapter
from sparsecheck.adapter.shipped.exemplar import CONTRACT, ExemplarAdapter
from sparsecheck.catalogue import requirement
from sparsecheck.values.contract import Contract
from sparsecheck.values.record import Record, Verdict
from tests.bench_of_one import judge, judge_all, planned
from tests.miniatures import Misdeclared
from tests.variants.forwarding import ForwardedAdapter
from tests.variants.holders import BufferAdapter, InPlaceAdapter
from tests.variants.wrapped import WrappedAdapter

COUNTS = ("MASK-05", "MASK-07", "MASK-11", "MASK-14", "MASK-22", "MASK-24", "MASK-25")
BEARS_ON = [
    ({"rounding": "floor"}, COUNTS),
    ({"rounding": "ceil"}, COUNTS),
    ({"rounding": "half-up"}, COUNTS),
    ({"level_basis": "remaining"}, (*COUNTS, "MASK-35")),
    ({"level_basis": "remaining", "masks_at": "attach"}, (*COUNTS, "MASK-27")),
    ({"level_basis": "remaining", "regrowth": "monotone"}, COUNTS),
    ({"regrowth": "monotone"}, COUNTS),
    ({"score": "magnitude-l2"}, ("MASK-06", "MASK-08", "MASK-10", "MASK-12", "MASK-14")),
    ({"masks_at": "attach"}, ("MASK-27", "REG-08")),
    ({"ragged": "prune"}, ("MASK-23",)),
    ({"ragged": "refuse"}, ("MASK-23",)),
    ({"ties": "highest index"}, ("MASK-22",)),
    ({"ties": "any"}, ("MASK-22",)),
    ({"sizes": "multiples of 16"}, ("REG-22", "MASK-01", "MASK-05")),
    ({"sizes": "multiples of 64"}, ("REG-22", "MASK-01")),
]
FALSELY = [
    *(
        ({"rounding": rounding}, id, "count-differs")
        for rounding in ("floor", "ceil")
        for id in ("MASK-05", "MASK-07", "MASK-11", "MASK-14")
    ),
    ({"rounding": "half-up"}, "MASK-05", "count-differs"),
    ({"rounding": "half-up"}, "MASK-11", "count-differs"),
    ({"level_basis": "remaining"}, "MASK-24", "count-differs"),
    ({"score": "magnitude-l2"}, "MASK-08", "kept-differs"),
    ({"score": "magnitude-l2"}, "MASK-12", "kept-differs"),
    ({"masks_at": "attach"}, "MASK-27", "plan-not-applied"),
    ({"regrowth": "monotone"}, "MASK-24", "regrown"),
    ({"regrowth": "monotone"}, "MASK-25", "count-differs"),
    ({"ragged": "prune"}, "MASK-23", "count-differs"),
    ({"ragged": "refuse"}, "MASK-23", "not-refused"),
    ({"ties": "highest index"}, "MASK-22", "ties-differ"),
    *(({"sizes": sizes}, "REG-22", "not-refused") for sizes in ("multiples of 16", "multiples of 64")),
    ({"score": "given"}, "MASK-08", "kept-differs"),
    ({"score": "position"}, "MASK-32", "mask-differs"),
    ({"score": "random"}, "MASK-29", "random-otherwise"),
    ({"mask_storage": "sidecar"}, "STATE-04", "mask-carried"),
    ({"mask_storage": "both"}, "STATE-04", ""),
    ({"mask_storage": "nowhere"}, "STATE-04", "mask-carried"),
    ({"restores_into": "dense"}, "STATE-18", "restored-otherwise"),
    ({"restores_into": "whole model"}, "STATE-18", "restored-otherwise"),
    ({"names": "prefixed"}, "REG-24", "names-otherwise"),
    ({"alone": "dense"}, "REG-15", "weight-differs"),
    ({"attaches": "copy"}, "REG-25", "attached-otherwise"),
    ({"trained": "reparametrized"}, "REG-26", "trained-otherwise"),
    ({"rezeroed_by": "user"}, "DECLARE-12", "zeros-kept"),
    ({"accumulator_hooks": "lost"}, "REG-31", "hooks-differ"),
    ({"parameter_order": "kept"}, "OPTIM-06", "order-otherwise"),
    ({"weight_attribute": "live"}, "COMPOSE-02", "merged-otherwise"),
    ({"weight_attribute": "stale"}, "COMPOSE-01", "attribute-otherwise"),
    ({"weight_attribute": "dense"}, "COMPOSE-01", "attribute-otherwise"),
    *(({"averages": value}, "COMPOSE-11", "average-otherwise") for value in ("sparse", "dense", "error")),
    ({"threads": "update"}, "LIFE-16", "torn"),
    *(({"pickled": value}, "LIFE-12", "not-pickled") for value in ("model", "sparsifier")),
    *(({"holds": holds}, "REG-01", "held-otherwise") for holds in ("buffer", "in place", "wrapper", "forward")),
]
CLAIMS_LESS = {
    ("score", "opaque"), ("ties", "any"), ("optimizers", "rebuilt"), ("weight_attribute", "any"), ("averages", "any"),
    ("pickled", "any"), ("threads", "any"),
}
"""Declarations that claim less than is true, and so are not false; less is judged."""
TRUE = {("rewinds", "yes")}
"""What is true of the exemplar, though `CONTRACT` does not say it, because what derives from it may not rewind."""


@pytest.mark.parametrize(("clauses", "ids"), BEARS_ON, ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_exemplar_is_accepted_with_any_true_declaration(clauses: dict[str, str], ids: tuple[str, ...]) -> None:
    adapter = ExemplarAdapter()
    adapter.contract = replace(CONTRACT, **clauses)
    for id in ids:
        for record in judge_all(adapter, id):
            assert record.verdict is Verdict.PASSED, f"{record.cell}: {record.message}"


@pytest.mark.parametrize(("clauses", "id", "kind"), FALSELY, ids=str)
def test_exemplar_is_rejected_with_a_false_declaration(clauses: dict[str, str], id: str, kind: str) -> None:
    adapter = Misdeclared()
    adapter.contract = replace(CONTRACT, **clauses)
    rejected = [record for record in judge_all(adapter, id) if record.verdict is Verdict.FAILED]
    assert rejected
    assert all(record.signature.startswith(kind) for record in rejected)


def test_every_clause_has_false_declarations() -> None:
    tried = {(clause, value) for clauses, _, _ in FALSELY for clause, value in clauses.items()}
    every = {
        (field.name, value)
        for field in msgspec.structs.fields(Contract)
        for value in get_args(field.type)
        if value != getattr(CONTRACT, field.name)
    }
    assert tried == every - CLAIMS_LESS - TRUE


@pytest.mark.parametrize("declared", ["parametrization", "buffer", "in place", "wrapper", "forward"])
@pytest.mark.parametrize("adapter", [ExemplarAdapter, BufferAdapter, InPlaceAdapter, WrappedAdapter, ForwardedAdapter])
def test_undeclared_behaviour_is_rejected(adapter: type[Adapter], declared: str) -> None:
    made, truly = adapter(), adapter.contract.holds
    made.contract = replace(adapter.contract, holds=declared)
    [record] = _canonical(made, "REG-01")
    assert record.verdict is (Verdict.PASSED if declared == truly else Verdict.FAILED)
    assert record.signature.startswith("held-otherwise" if declared != truly else "")


def _canonical(adapter: Adapter, id: str) -> Iterator[Record]:
    for cell in planned(adapter, (requirement(id),))[:1]:
        yield judge(adapter, cell)
