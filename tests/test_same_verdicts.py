"""The same cells get the same verdicts in every way of running them.

The ways are serial, parallel, any order, any hash seed, plain pytest, and a process for each sparsifier.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from sparsecheck.catalogue import CATALOGUE
from sparsecheck.report.report import Report, read
from sparsecheck.values.record import Record, Verdict
from tests.warm_python import COLD

SUBJECTS = ("exemplar", "torch-ao-weight-norm-l1")
"""One that passes everything, and one whose failures have messages to compare."""

ALL = [one.id for one in CATALOGUE]
SLOW = ("LIFE-13", "MODEL-03", "RESUME-01", "STATE-02", "WALK-01")
REQUIREMENTS = ALL if COLD in os.environ else [id for id in ALL[1::4] if id not in SLOW]
"""Every fourth, without the programs and without fresh interpreters; `.ci/nightly` judges by all, which takes ten
minutes of processor time."""

WAYS = {
    "serial": ("0", "-p", "no:randomly"),
    "spread over workers": ("0", "-p", "no:randomly", "-n", "2", "--dist", "worksteal"),
    "in a random order": ("1", "--randomly-seed", "1"),
    "in another random order": ("2", "--randomly-seed", "2"),
    "sparsecheck run": ("3", "-j", "2"),
}
"""By name: the salt of hashes, and the arguments of pytest, or of `sparsecheck run`."""


def judged(way: str, folder: Path) -> Report:
    """Return the report of `SUBJECTS`, judged in one way."""
    salt, *arguments = WAYS[way]
    path = folder / f"{way}.jsonl"
    command = [sys.executable, "-m", "pytest", "--pyargs", "sparsecheck.cases", "-q", "-p", "no:cacheprovider"]
    command += ["--sparsecheck-report", str(path), *arguments]
    command += [part for name in SUBJECTS for part in ("--sparsecheck-subject", name)]
    command += [part for id in REQUIREMENTS for part in ("--sparsecheck-requirement", id)]
    if way == "sparsecheck run":
        command = [sys.executable, "-m", "sparsecheck", "run", *SUBJECTS, "--report", str(path), *arguments]
        command += [part for id in REQUIREMENTS for part in ("--requirement", id)]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = {**plain, "PYTHONHASHSEED": salt, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert path.exists(), ended.stdout + ended.stderr
    return read(path)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Return the report of each way."""
    folder = tmp_path_factory.mktemp("same")
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(WAYS, pool.map(lambda way: judged(way, folder), WAYS), strict=True))


def verdicts(report: Report) -> list[Record]:
    """All that the records say but for how long it took, by cell."""
    return sorted((replace(record, seconds=0.0) for record in report.records), key=lambda record: record.cell)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "serial"])
def test_every_way_gives_the_same_verdicts(reports: dict[str, Report], way: str) -> None:
    assert verdicts(reports[way]) == verdicts(reports["serial"])


@pytest.mark.parametrize("way", list(WAYS))
def test_every_way_plans_the_same_cells_and_balances(reports: dict[str, Report], way: str) -> None:
    report = reports[way]
    planned = [subject.planned for subject in report.header.subjects]
    assert planned == [subject.planned for subject in reports["serial"].header.subjects]
    assert [bool(report.balance(subject)) for subject in report.header.subjects] == [True, True]
    assert report.footer is not None
    assert report.footer.interrupted == ""


def test_the_orders_do_differ(reports: dict[str, Report]) -> None:
    orders = {way: tuple(record.cell for record in reports[way].records) for way in WAYS if "order" in way}
    assert len({orders["in a random order"], orders["in another random order"]}) == 2
    assert tuple(record.cell for record in reports["serial"].records) not in orders.values()


def test_there_is_more_than_one_verdict_to_compare(reports: dict[str, Report]) -> None:
    seen = {record.verdict for record in reports["serial"].records}
    assert Verdict.PASSED in seen
    assert {Verdict.FAILED, Verdict.KNOWN} & seen
