"""PROCESS-01 blames an adapter file for what its import changes, and not for what the harness does to import it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparsecheck.values.record import Verdict
from tests.faulty import run, written

_ADAPTER = """
import sys
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
{statement}

class It(ExemplarAdapter):
    pass
"""


@pytest.mark.parametrize(
    ("statement", "verdict", "message"),
    [
        ("", Verdict.PASSED, ""),
        ("sys.path.insert(0, '/acme')", Verdict.FAILED, "importing the adapter changed the import path: added /acme"),
    ],
    ids=["changes nothing", "adds to the import path"],
)
def test_only_changes_by_the_adapter_file_count(
    tmp_path: Path, statement: str, verdict: Verdict, message: str
) -> None:
    ended = run(tmp_path, "--adapter", str(written(tmp_path, _ADAPTER.format(statement=statement))),
                "--requirement", "PROCESS-01")
    assert ended.report is not None
    [record] = ended.report.records
    assert (record.verdict, record.message) == (verdict, message)
