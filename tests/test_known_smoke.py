"""A known defect in SMOKE lets the other areas run; an unknown one stops them, and says how to go on."""

from __future__ import annotations

from pathlib import Path

from sparsecheck.values.record import Verdict
from tests.faulty import run, written

BROKEN = """
import torch
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

def broken(*arguments):
    raise RuntimeError("finalize is lost")

class Faulty(ExemplarAdapter):
    def attach(self, model, plan, context):
        sparsified = super().attach(model, plan, context)
        sparsified.finalize = broken
        return sparsified
"""
DEFECT = """
[[defect]]
id = "finalize-is-lost"
sparsifiers = ["faulty"]
requirements = ["SMOKE-06"]
signatures = ["adapter-raises: broken raises RuntimeError: finalize is lost; look at .*"]
reason = "The exemplar has lost its finalize."
"""


def test_a_known_defect_in_smoke_lets_the_other_areas_run(tmp_path: Path) -> None:
    adapter = ("--adapter", str(written(tmp_path, BROKEN)))
    asked = (*adapter, "--requirement", "SMOKE-06", "--requirement", "MASK-01")
    stopped = run(tmp_path, *asked)
    assert stopped.code == 1
    assert stopped.report is not None
    assert {record.verdict for record in stopped.report.records if "MASK-01" in record.cell} >= {Verdict.NOT_RUN}
    assert "If this is a defect of the package, expect it" in stopped.output

    (tmp_path / "faulty.expectations.toml").write_text(DEFECT, "utf-8")
    known = run(tmp_path, *asked)
    assert known.code == 0, known.output
    assert known.report is not None
    by_area = {record.cell.split(":")[1][:4]: record.verdict for record in known.report.records}
    assert by_area["SMOK"] is Verdict.KNOWN
    assert Verdict.NOT_RUN not in {record.verdict for record in known.report.records}
    assert "  1 known defect, worst first:\n  - finalize-is-lost: The exemplar has lost its finalize.\n" in known.output
