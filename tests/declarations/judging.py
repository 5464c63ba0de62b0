"""Find the first cell that rejects a false declaration, and pin it."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path

from sparsecheck import Adapter
from sparsecheck.catalogue import requirement
from sparsecheck.report.ledger import Planned
from sparsecheck.values.cell import Cell
from sparsecheck.values.record import Record
from tests.bench_of_one import available, judge, planned
from tools.kill_matrix.matrix import cheaper

from .table import FalseDeclaration, table

NAMES = {one.name: one for one in table()}

FILE = Path(__file__).with_name("pinned.json")
_SLOW = ("STATE-02", "LIFE-13", "STRUCT-17", "PROCESS-", "TRACE-", "DEVICE-")
"""Requirements that are tried last, because they start interpreters or compile."""

_LIKELY: defaultdict[str, tuple[str, ...]] = defaultdict(lambda: ("DECLARE-",), {
    "unsupported": ("REFUSE-",), "holds": ("REG-01",), "masks_at": ("MASK-27", "STRUCT-07"),
    "mask_storage": ("STATE-04",), "restores_into": ("STATE-18",), "sizes": ("REG-22", "DECLARE-11"),
    "ragged": ("MASK-23",), "ties": ("MASK-22", "DECLARE-02"), "regrowth": ("MASK-25", "DECLARE-08"),
    "level_basis": ("MASK-24", "STRUCT-10"), "restore": ("STATE-01", "STATE-05", "STRUCT-15"),
    "finalize": ("REG-12", "REG-13"), "tied": ("REG-10",), "trace": ("TRACE-",),
    "save_trace": ("TRACE-03",), "deepcopy": ("STATE-14",), "export": ("TRACE-",),
    "compile": ("TRACE-",), "relevel": ("MASK-24", "MASK-25", "DECLARE-10"), "rezeroed_by": ("DECLARE-12",),
    "invariances": ("DECLARE-20",), "schedules": ("SCHED-",), "rewinds": ("SCHED-1",),
    "pickled": ("LIFE-12", "LIFE-14"), "threads": ("LIFE-15", "LIFE-16"), "undone": ("LIFE-17",),
    "reupdate": ("MASK-35", "DECLARE-"), "score": ("DECLARE-01", "MASK-08", "MASK-29", "MASK-32", "STRUCT-05"),
})
"""By capability or clause, the requirements that are tried first."""


def rejection(one: FalseDeclaration, first: str = "") -> Record | None:
    """Return the record of the first cell that rejects a false declaration, or None if every cell accepts it.

    Args:
        one: The false declaration.
        first: A cell to try before all others.
    """
    for cell in sorted(available(one.make()), key=lambda cell: _order(one, cell, first)):
        record = _judge(one.make(), cell)
        if record.verdict.is_red:
            return record
    return None


def _judge(adapter: Adapter, one: Planned) -> Record:
    """Return the record of a cell; only what compiles or starts interpreters is worth the preparation of `cheaper`."""
    with cheaper() if one.cell.requirement.startswith(_SLOW) else nullcontext():
        return judge(adapter, one)


def _order(one: FalseDeclaration, at: Planned, first: str) -> tuple[bool, bool, bool]:
    likely = _LIKELY["unsupported" if one.declared == "unsupported" else one.what.partition(" ")[0]]
    id = at.cell.requirement
    return at.cell.id != first, not id.startswith((*likely, "DECLARE-")), id.startswith(_SLOW)


def record_of(adapter: Adapter, cell: str) -> Record | None:
    """Return the record of one cell; None if it is not planned."""
    asked = requirement(Cell.parse(cell).requirement)
    found = next((one for one in planned(adapter, (asked,)) if one.cell.id == cell), None)
    return _judge(adapter, found) if found else None


def pinned() -> dict[str, tuple[str, str]]:
    """Return, by name, the cell that rejects a false declaration and the kind of violation."""
    return {name: (cell, kind) for name, (cell, kind) in json.loads(FILE.read_text()).items()}


def kind_of(record: Record) -> str:
    """Return the kind of violation, or the type of exception."""
    return record.signature.partition(":")[0]


def judged(name: str) -> tuple[str, tuple[str, str] | None]:
    """Return the cell that rejects a false declaration and the kind of violation, or None."""
    record = rejection(NAMES[name], pinned().get(name, ("", ""))[0])
    return name, None if record is None else (record.cell, kind_of(record))
