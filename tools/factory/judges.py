"""The judges: the programs of the corpus, and the cells of every other area.

Both leave out what a product's fault cannot reach; see `reach.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sparsecheck import Adapter
from sparsecheck.catalogue.axes import PROGRAMS
from tests.bench_of_one import judge

from .faulty import Faulty
from .reach import Spot, Table, be_cheaper, cells, cost_first, judge_program, programs


@dataclass(frozen=True)
class Known:
    """What was found out before a process judges.

    Attributes:
        programs: What each program reaches; empty if nobody looked.
        cells: What each cell reaches; empty if nobody looked.
    """

    programs: Table = ()
    cells: Table = ()


NOTHING_KNOWN = Known()
_known: list[Known] = [NOTHING_KNOWN]


def know(known: Known) -> None:
    """Let the judges of this process know what programs and cells reach."""
    _known[:] = [known]


def reached(adapter: Adapter) -> int | None:
    """Return how many programs or cells reach the fault of a product; None if it is no product, or nobody looked."""
    spot, table = spot_of(adapter), _known[0].programs or _known[0].cells
    return None if spot is None or not table else len(cost_first(table, spot))


def by_corpus(adapter: Adapter) -> str | None:
    """Return the first program of the area WALK that a sparsifier fails; the quickest are tried first."""
    for name in _chosen(adapter, _known[0].programs, tuple(programs())):
        record = judge_program(adapter, name)
        if record.verdict.is_red:
            return f"{name}: {record.signature}"
    return None


def in_corpus_order(adapter: Adapter) -> str | None:
    """Return the first program of the corpus that a sparsifier fails, with its place, or else the first red cell."""
    for number, name in enumerate(PROGRAMS, 1):
        record = judge_program(adapter, name)
        if record.verdict.is_red:
            return f"{name}, program {number} of {len(PROGRAMS)}: {record.signature}"
    return by_corpus(adapter) or by_cases(adapter)


def by_cases(adapter: Adapter) -> str | None:
    """Return the first red cell of all areas but WALK; the quickest are tried first."""
    be_cheaper()
    for id in _chosen(adapter, _known[0].cells, tuple(cells())):
        record = judge(adapter, cells()[id])
        if record.verdict.is_red:
            return f"{record.cell.removeprefix('it:')}: {record.signature}"
    return None


def spot_of(adapter: Adapter) -> Spot | None:
    """Return the fault and the condition of a product; None if the sparsifier is no product."""
    work = getattr(adapter, "sparsified", None)
    return (work.fault.name, work.condition.name) if isinstance(work, type) and issubclass(work, Faulty) else None


def _chosen(adapter: Adapter, table: Table, everything: tuple[str, ...]) -> tuple[str, ...]:
    spot = spot_of(adapter)
    return everything if spot is None or not table else cost_first(table, spot)
